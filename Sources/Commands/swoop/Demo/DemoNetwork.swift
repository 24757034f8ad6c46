import Metainfo
import Synchronization

/// The tracker, the seed and the receivers of a demo, from their start to the comparison at the end.
final class DemoNetwork: Sendable {
    private let place: DemoPlace
    private let content: String?
    private let receivers: Int
    private let rate: Int?
    private let reporter: Reporter
    private let running = Mutex<[DemoProcess]>([])

    init(place: DemoPlace, content: String?, receivers: Int, rate: Int?, reporter: Reporter) {
        self.place = place
        self.content = content
        self.receivers = receivers
        self.rate = rate
        self.reporter = reporter
    }

    func run() async throws {
        let source = try content ?? SampleContent.make(in: place.directory("source"))
        let tracker = try start("tracker", ["tracker", "--http", "127.0.0.1:0"])
        guard let address = try await tracker.first("listening").http else {
            throw tracker.failure("it does not say where it listens")
        }
        let torrent = "\(place.path)/demo.torrent"
        try await create(source, torrent, announce: "http://\(address)/announce")
        let metainfo = try TorrentFile.read(torrent)
        let bytes = Int(metainfo.info.layout.totalLength)
        try place.check(room: bytes * receivers)

        let seed = try start("seed", ["seed", torrent, source, "--listen", "127.0.0.1:0"] + uploadLimit)
        _ = try await seed.first("seeding")
        reporter.note(
            """
            \(source.shown) (\(HumanText.bytes(bytes))): one seed, \(HumanText.plural(receivers, "receiver")), \
            tracker at http://\(address)/stats
            """
        )
        let clock = ContinuousClock()
        let begin = clock.now
        let arrivals = try await receive(torrent, bytes: bytes) { (clock.now - begin) / .seconds(1) }
        try await verify(torrent, metainfo, arrivals)
    }

    /// Stops every process that is still running.
    func stopAll() async {
        let left = running.withLock { running in
            defer { running = [] }
            return running
        }
        await withTaskGroup(of: Void.self) { group in
            for process in left { group.addTask { await process.stop() } }
        }
    }

    private var uploadLimit: [String] { rate.map { ["--upload-limit", "\($0)"] } ?? [] }
    private var downloadLimit: [String] { rate.map { ["--download-limit", "\($0)"] } ?? [] }

    private func start(_ name: String, _ arguments: [String]) throws -> DemoProcess {
        let process = try DemoProcess(name, arguments, log: "\(place.path)/\(name).log")
        running.withLock { $0.append(process) }
        return process
    }

    private func create(_ source: String, _ torrent: String, announce: String) async throws {
        let maker = try start("torrent's maker", ["create", source, "-o", torrent, "--tracker", announce])
        _ = try await maker.first("complete") { line in
            guard line.event == "progress" else { return }
            var progress = line.progress
            progress.isTransfer = false
            reporter.progress(progress, label: "making the torrent")
        }
    }

    /// - Returns: for each receiver the path of its copy, and the seconds until it was complete.
    private func receive(
        _ torrent: String, bytes: Int, elapsed: @escaping @Sendable () -> Double
    ) async throws -> [(path: String, seconds: Double)] {
        let (lines, feed) = AsyncStream.makeStream(of: (Int, DemoLine?).self)
        let processes = try (0..<receivers).map { number in
            let directory = try place.directory("receiver-\(number + 1)")
            return try start(
                "receiver \(number + 1)",
                ["get", torrent, "-o", directory, "--listen", "127.0.0.1:0", "--seed-time", "24h"] + uploadLimit
                    + downloadLimit)
        }
        let pumps = processes.enumerated().map { number, process in
            Task {
                for await line in process.lines { feed.yield((number, line)) }
                feed.yield((number, nil))
            }
        }
        defer { for pump in pumps { pump.cancel() } }

        var board = DemoBoard(receivers: receivers, total: bytes)
        var arrivals = [(path: String, seconds: Double)?](repeating: nil, count: receivers)
        for await (number, line) in lines {
            guard let line else { throw processes[number].failure("it ended early") }
            if line.event == "error" { throw processes[number].failure(line.message ?? "it does not say why") }
            if line.event == "complete", let path = line.path { arrivals[number] = (path, elapsed()) }
            board.record(line, of: number)
            let isEnd = arrivals.allSatisfy { $0 != nil }
            reporter.progress(board.sum, rows: board.rows, force: isEnd)
            if isEnd { break }
        }
        try Task.checkCancellation()
        reporter.keepBars()
        return arrivals.compactMap { $0 }
    }

    /// Verifies each copy against the torrent and prints the table.
    private func verify(
        _ torrent: String, _ metainfo: Torrent, _ arrivals: [(path: String, seconds: Double)]
    ) async throws {
        let bytes = Int(metainfo.info.layout.totalLength)
        var table = TextTable(headings: ["receiver", "seconds", "rate", "copy"], rightAligned: [0, 1, 2])
        var wrong = 0
        for (number, arrival) in arrivals.enumerated() {
            let check = try start("check of receiver \(number + 1)", ["verify", torrent, arrival.path])
            let isRight = await check.ending() == .exited(0)
            wrong += isRight ? 0 : 1
            let tenths = Int((arrival.seconds * 10).rounded())
            table.rows.append([
                "\(number + 1)", "\(tenths / 10).\(tenths % 10)",
                HumanText.rate(Int(Double(bytes) / max(0.001, arrival.seconds))),
                isRight ? "verified" : "WRONG",
            ])
            reporter.event(
                .object([
                    ("event", .string("receiver")), ("receiver", .int(number + 1)),
                    ("seconds", .double(arrival.seconds)),
                    ("bytes", .int(bytes)), ("verified", .bool(isRight)),
                ]))
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

import FoundationEssentials
import Glibc
import JSON
import RegistryClient
import Synchronization
import Text
import Threads

/// The registry and the agents of a demo, from their start to the comparison at the end.
final class RegistryNetwork: Sendable {
    private let place: DemoPlace
    private let content: String?
    private let receivers: Int
    private let reporter: Reporter
    private let running = Mutex<[DemoProcess]>([])
    private static let reference = "demo/content:1.0"

    /// The result of one receiver.
    private struct Arrival {
        let path: String
        let seconds: Double
    }

    init(place: DemoPlace, content: String?, receivers: Int, reporter: Reporter) {
        self.place = place
        self.content = content
        self.receivers = receivers
        self.reporter = reporter
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

    func run() async throws {
        let source = try content ?? SampleContent.make(in: place.directory("source"))
        let registry = try start("registry", ["up", "--any-port", "--data", try place.directory("registry")])
        guard let url = try await registry.first("listening").registry else {
            throw registry.failure("it does not say where it listens")
        }
        let sockets = try await startAgents(of: url)
        let bytes = try await push(source, to: url)
        reporter.note(
            """
            \(source.shown) (\(HumanText.bytes(bytes))) is \(Self.reference) at \(url); \
            \(HumanText.plural(receivers, "agent")) pull at once
            """)
        // The size is known from the push. Each receiver needs it twice: in its agent's cache, and in its output
        // directory.
        try place.check(room: bytes * receivers * 2)
        let clock = ContinuousClock()
        let begin = clock.now
        let arrivals = try await pull(from: url, by: sockets, bytes: bytes) { (clock.now - begin) / .seconds(1) }
        let sent = try await sentBytes(url)
        try await compare(source, arrivals, bytes: bytes, sent: sent)
    }

    private func start(
        _ name: String, _ arguments: [String], environment: [(String, String)] = []
    ) throws -> DemoProcess {
        let log = "\(place.path)/\(name.filter { $0 != " " }).log"
        let process = try DemoProcess(name, arguments, log: log, environment: environment)
        running.withLock { $0.append(process) }
        return process
    }

    /// - Returns: the path of each agent's socket.
    private func startAgents(of url: String) async throws -> [String] {
        var agents: [(process: DemoProcess, socket: String)] = []
        for number in 1...receivers {
            let directory = try place.directory("agent-\(number)")
            let socket = "\(directory)/socket"
            let words = ["agent", "--registry", url, "--any-port", "--cache", "\(directory)/cache", "--socket", socket]
            agents.append((try start("agent \(number)", words), socket))
        }
        for agent in agents { _ = try await agent.process.first("listening") }
        return agents.map(\.socket)
    }

    /// - Returns: bytes of the content.
    private func push(_ source: String, to url: String) async throws -> Int {
        // The file in which a push keeps hashes for the next push goes to the demo's directory too.
        let memory = [("XDG_CACHE_HOME", try place.directory("memory"))]
        let push = try start("push", ["push", source, Self.reference, "--registry", url], environment: memory)
        let end = try await push.first("complete") { line in
            if line.event == "progress" { reporter.progress(line.progress, label: "push") }
        }
        reporter.keepBars()
        guard let bytes = end.bytes, bytes > 0 else {
            throw Failure(.usage, "there is not a byte in \(source.shown)")
        }
        return bytes
    }

    private func pull(
        from url: String, by sockets: [String], bytes: Int, elapsed: @escaping @Sendable () -> Double
    ) async throws -> [Arrival] {
        let (lines, feed) = AsyncStream.makeStream(of: (Int, DemoLine?).self)
        let processes = try sockets.enumerated().map { number, socket in
            let directory = try place.directory("receiver-\(number + 1)")
            return try start(
                "receiver \(number + 1)",
                ["pull", Self.reference, "-o", directory, "--registry", url, "--agent", socket])
        }
        let pumps = processes.enumerated().map { number, process in
            Task {
                for await line in process.lines { feed.yield((number, line)) }
                feed.yield((number, nil))
            }
        }
        defer { for pump in pumps { pump.cancel() } }

        var board = DemoBoard(receivers: receivers, total: bytes)
        var arrivals = [Arrival?](repeating: nil, count: receivers)
        for await (number, line) in lines {
            guard let line else {
                // A pull ends by itself after it is complete.
                guard arrivals[number] == nil else { continue }
                throw processes[number].failure("it ended early")
            }
            if line.event == "error" { throw processes[number].failure(line.message ?? "it does not say why") }
            if line.event == "complete", let path = line.path {
                arrivals[number] = Arrival(path: path, seconds: elapsed())
            }
            board.record(line, of: number)
            let isEnd = arrivals.allSatisfy { $0 != nil }
            reporter.progress(board.sum, rows: board.rows, force: isEnd)
            if isEnd { break }
        }
        try Task.checkCancellation()
        reporter.keepBars()
        return arrivals.compactMap { $0 }
    }

    /// Bytes that the registry's origin has sent to peers.
    private func sentBytes(_ url: String) async throws -> Int {
        guard let base = HTTPURL(url) else { return 0 }
        let client = RegistryClient(base: base, credential: nil)
        let document = try? await client.document("/v1/status", limit: 1 << 16)
        await client.shutdown()
        guard case .integer(let bytes)? = document?.objectValue?["sentBytes"] else { return 0 }
        return Int(clamping: bytes)
    }

    /// Compares each copy with what was pushed and prints the table.
    private func compare(_ source: String, _ arrivals: [Arrival], bytes: Int, sent: Int) async throws {
        var table = TextTable(headings: ["receiver", "seconds", "rate", "copy"], rightAligned: [0, 1, 2])
        var wrong = 0
        for (index, arrival) in arrivals.enumerated() {
            let isRight = await Threads.offload {
                FileManager.default.contentsEqual(atPath: source, andPath: arrival.path)
            }
            wrong += isRight ? 0 : 1
            table.rows.append([
                "\(index + 1)", Self.decimal(arrival.seconds),
                HumanText.rate(Int(Double(bytes) / max(0.001, arrival.seconds))), isRight ? "verified" : "WRONG",
            ])
            reporter.event(
                .object([
                    ("event", .string("receiver")), ("receiver", .int(index + 1)),
                    ("seconds", .double(arrival.seconds)), ("bytes", .int(bytes)), ("verified", .bool(isRight)),
                ]))
        }
        reporter.result("\n" + table.text)
        guard wrong == 0 else {
            throw Failure(
                .verification,
                "\(wrong) of \(HumanText.plural(arrivals.count, "copy", "copies")) differ from the source")
        }
        let last = arrivals.map(\.seconds).max() ?? 0
        let copies = Double(sent) / Double(bytes)
        reporter.event(
            .object([
                ("event", .string("complete")), ("path", .string(source)), ("bytes", .int(bytes * arrivals.count)),
                ("seconds", .double(last)), ("copies_sent", .double(copies)),
            ]))
        reporter.result(
            """
            verified: \(HumanText.plural(arrivals.count, "copy is", "copies are")) identical to what was pushed, \
            \(HumanText.bytes(bytes * arrivals.count)) in \(HumanText.time(Int(last.rounded(.up)))); \
            the registry sent \(Self.decimal(copies)) copies, the agents the others
            """)
    }

    /// With one digit behind the point.
    private static func decimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}

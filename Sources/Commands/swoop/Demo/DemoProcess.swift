import Glibc
import Threads

/// A process of a demo, usually one of our own commands, with its JSON lines.
final class DemoProcess: Sendable {
    let name: String
    /// Ends with the process.
    let lines: AsyncStream<DemoLine>
    private let child: ChildProcess
    private let end: Task<ChildProcess.Ending, Never>

    /// - Parameter log: path for standard error.
    convenience init(
        _ name: String, _ arguments: [String], log: String, environment: [(String, String)] = []
    ) throws {
        try self.init(
            name, words: ["/proc/self/exe"] + arguments + ["--json", "--stop-with-reader"], log: log,
            environment: environment)
    }

    /// Another program, which must make sure itself that it does not outlive this process.
    init(_ name: String, words: [String], log: String, environment: [(String, String)] = []) throws {
        self.name = name
        var pipes: [Int32] = [-1, -1]
        guard pipe(&pipes) == 0 else { throw Failure(.failed, "no pipe: \(systemText(errno))") }
        // Children that are started later must not keep this one's output open.
        for end in pipes { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let errors = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        defer {
            close(pipes[1])
            if errors >= 0 { close(errors) }
        }
        do {
            child = try ChildProcess.start(
                words, environment: environment, output: pipes[1], errors: errors >= 0 ? errors : 2)
        } catch {
            close(pipes[0])
            throw error
        }
        let (child, reading) = (child, pipes[0])
        end = Task { await child.ending() }
        let (lines, feed) = AsyncStream.makeStream(of: DemoLine.self)
        self.lines = lines
        Threads.runDetached {
            Self.read(reading, into: feed)
            feed.finish()
            close(reading)
        }
    }

    /// The first line with this event. If the process ends without one, throws the error that it reported.
    func first(_ event: String, seen: (DemoLine) -> Void = { _ in }) async throws -> DemoLine {
        var problem = "it said nothing"
        for await line in lines {
            seen(line)
            if line.event == event { return line }
            if line.event == "error" { problem = line.message ?? problem }
        }
        try Task.checkCancellation()
        throw failure(problem)
    }

    func failure(_ problem: String) -> Failure { Failure(.failed, "the \(name) failed: \(problem)") }

    /// Waits for the end of the process.
    func ending() async -> ChildProcess.Ending { await end.value }

    /// Asks the process to stop, then kills it if it does not.
    func stop() async {
        child.signal(SIGTERM)
        let insist = Task { [child] in
            try await Task.sleep(for: .seconds(2))
            child.signal(SIGKILL)
        }
        _ = await end.value
        insist.cancel()
    }

    private static func read(_ descriptor: Int32, into feed: AsyncStream<DemoLine>.Continuation) {
        var rest: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest += chunk[..<count]
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                if let line = DemoLine.parse(rest[..<end]) { feed.yield(line) }
                rest.removeSubrange(...end)
            }
        }
    }
}

import Glibc
import TestSupport

/// A redis-server (or valkey-server) of a test's own, on a port of its own.
final class RedisServer: Sendable {
    let port: UInt16
    private let directory: TemporaryDirectory
    private let process: ServerProcess

    /// The programs to try: Debian's, and what SWOOP_VALKEY names.
    static let programs = ["redis-server"] + (getenv("SWOOP_VALKEY").map { [String(cString: $0)] } ?? [])

    init(_ program: String = "redis-server", port: UInt16? = nil) async throws {
        self.port = try port ?? FreePort.find()
        directory = try TemporaryDirectory()
        process = try ServerProcess(
            program,
            [
                "--bind", "127.0.0.1", "--port", "\(self.port)", "--dir", directory.path, "--save", "", "--appendonly",
                "no",
            ])
        guard await FreePort.isAnswering(self.port, within: 10) else {
            throw SystemFailure("start redis-server", ETIMEDOUT)
        }
    }

    func kill() { process.kill() }
    func hang() { process.send(SIGSTOP) }
    func goOn() { process.send(SIGCONT) }

    /// Sends commands, each a line, and returns what comes back.
    @discardableResult
    func send(_ commands: String...) throws -> String {
        let descriptor = try Loopback.connect(to: port, patience: 5)
        defer { close(descriptor) }
        Loopback.send(descriptor, Array((commands.joined(separator: "\r\n") + "\r\nQUIT\r\n").utf8))
        var all: [UInt8] = []
        while let bytes = Loopback.receive(descriptor), !bytes.isEmpty { all += bytes }
        return String(decoding: all, as: Unicode.ASCII.self)
    }
}

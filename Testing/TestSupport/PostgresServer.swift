import Glibc

/// A PostgreSQL server on a port of loopback, which runs as the user `postgres`: it refuses to run as root. It is ended with the last
/// reference to it.
package final class PostgresServer: Sendable {
    /// Without a database.
    package let url: String
    private let port: UInt16
    private let directory: TemporaryDirectory
    private static let asPostgres = [
        "setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "env", "LC_ALL=C.UTF-8",
    ]

    private static var tools: String? {
        (13...20).reversed().map { "/usr/lib/postgresql/\($0)/bin" }.first { access($0 + "/initdb", X_OK) == 0 }
    }

    package struct NotStarted: Error { let text: String }

    /// Makes an empty one.
    package static func start() async throws -> PostgresServer {
        guard let tools else { throw NotStarted(text: "Debian's package postgresql is missing") }
        let directory = try TemporaryDirectory(in: "/tmp")
        _ = try await Command.ending(["chown", "-R", "postgres:", directory.path])
        let server = PostgresServer(port: try FreePort.find(), directory: directory)
        try await run([
            tools + "/initdb", "-D", directory.path("data"), "-U", "swoop", "-A", "trust", "-E", "UTF8", "--no-sync",
        ])
        try await server.restart()
        return server
    }

    private init(port: UInt16, directory: TemporaryDirectory) {
        self.port = port
        self.directory = directory
        url = "postgresql://swoop@127.0.0.1:\(port)/"
    }

    deinit { if let pid { for pid in Self.children(of: pid) + [pid] { kill(pid, SIGKILL) } } }

    /// Starts it where it was, with what it had.
    package func restart() async throws {
        try await Self.run([
            (Self.tools ?? "") + "/pg_ctl", "-D", directory.path("data"), "-w", "-l", directory.path("log"), "-o",
            "-p \(port) -c listen_addresses=127.0.0.1 -c unix_socket_directories=\(directory.path) -c fsync=off",
            "start",
        ])
    }

    /// A new database.
    package func database() async throws -> String {
        let name = "t\(UInt64.random(in: 0 ... .max))"
        try await Self.succeed(["psql", "-q", url + "postgres", "-c", "CREATE DATABASE \(name)"])
        return url + name
    }

    /// Ends connections and then itself, as at a restart of the service.
    package func stop() async throws {
        try await Self.run([(Self.tools ?? "") + "/pg_ctl", "-D", directory.path("data"), "-m", "fast", "stop"])
    }

    /// Stands still with all of its connections, or goes on.
    package func freeze(_ isFrozen: Bool) {
        guard let pid else { return }
        for pid in [pid] + Self.children(of: pid) { kill(pid, isFrozen ? SIGSTOP : SIGCONT) }
    }

    private var pid: pid_t? {
        let text = directory.read("data/postmaster.pid").map { String(decoding: $0, as: UTF8.self) }
        return text?.split(separator: "\n").first.flatMap { pid_t($0) }
    }

    private static func children(of pid: pid_t) -> [pid_t] {
        let words = try? Command.run(["ps", "-o", "pid=", "--ppid", "\(pid)"]).output.split { $0 == " " || $0 == "\n" }
        return (words ?? []).compactMap { pid_t($0) }
    }

    private static func run(_ words: [String]) async throws {
        try await succeed((getuid() == 0 ? asPostgres : []) + words)
    }

    private static func succeed(_ words: [String]) async throws {
        let command = try await Command.ending(words)
        guard command.status == 0 else { throw NotStarted(text: command.output + command.errors) }
    }
}

import Glibc
import NameIndex
import Registry
import TestSupport
import Testing

/// A PostgreSQL server on a free port of loopback, which runs as the user `postgres`: it refuses to run as root.
private final class PostgresServer: Sendable {
    let url: String
    private let directory: TemporaryDirectory
    private static let asPostgres = [
        "setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "env", "LC_ALL=C.UTF-8",
    ]

    private static var tools: String? {
        (13...20).reversed().map { "/usr/lib/postgresql/\($0)/bin" }.first { access($0 + "/initdb", X_OK) == 0 }
    }

    struct NotStarted: Error { let text: String }

    static func start() async throws -> PostgresServer {
        guard let tools else { throw NotStarted(text: "Debian's package postgresql is missing") }
        let directory = try TemporaryDirectory(in: "/tmp")
        let data = try directory.directory("data")
        _ = try await Command.ending(["chown", "-R", "postgres:", directory.path])
        let isRoot = getuid() == 0
        func run(_ words: [String]) async throws {
            let command = try await Command.ending((isRoot ? asPostgres : []) + words)
            guard command.status == 0 else { throw NotStarted(text: command.output) }
        }
        try await run([tools + "/initdb", "-D", data, "-U", "swoop", "-A", "trust", "-E", "UTF8", "--no-sync"])
        let port = try FreePort.find()
        try await run([
            tools + "/pg_ctl", "-D", data, "-w", "-l", directory.path("log"), "-o",
            "-p \(port) -c listen_addresses=127.0.0.1 -c unix_socket_directories=\(directory.path) -c fsync=off",
            "start",
        ])
        return PostgresServer(url: "postgresql://swoop@127.0.0.1:\(port)/", directory: directory)
    }

    private init(url: String, directory: TemporaryDirectory) {
        self.url = url
        self.directory = directory
    }

    /// A new database.
    func database() async throws -> String {
        let name = "t\(UInt64.random(in: 0 ... .max))"
        let command = try await Command.ending(["psql", "-q", url + "postgres", "-c", "CREATE DATABASE \(name)"])
        guard command.status == 0 else { throw NotStarted(text: command.output) }
        return url + name
    }

    func stop() async throws {
        guard let tools = Self.tools else { return }
        let words = getuid() == 0 ? Self.asPostgres : []
        _ = try await Command.ending(
            words + [tools + "/pg_ctl", "-D", directory.path("data"), "-m", "immediate", "stop"])
    }
}

@Suite(.serialized) struct `A store in PostgreSQL` {
    private func withServer(_ body: (PostgresServer) async throws -> Void) async throws {
        let server = try await PostgresServer.start()
        do { try await body(server) } catch {
            try await server.stop()
            throw error
        }
        try await server.stop()
    }

    @Test func `does what every store must do`() async throws {
        try await withServer { server in
            try await TagStoreContract {
                try await PostgresTagStore.open(try await server.database(), rules: try TagRules())
            }.check()
        }
    }

    @Test func `is shared by any number of indexes, which may start at once`() async throws {
        try await withServer { server in
            let url = try await server.database()
            let stores = try await withThrowingTaskGroup(of: PostgresTagStore.self) { group in
                for _ in 0..<4 { group.addTask { try await PostgresTagStore.open(url, rules: try TagRules()) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let outcomes = try await withThrowingTaskGroup(of: TagPutOutcome.self) { group in
                for number in 0..<32 {
                    let store = stores[number % 4]
                    group.addTask {
                        try await store.put(
                            tag("1"), of: name("app"), digest: blob(number / 4 % 2 == 0 ? "a" : "b"), linking: true,
                            expecting: .anything, by: act())
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.filter { $0 == .put }.count == 1)
            #expect(outcomes.filter { $0 == .same }.count == 15)
            for store in stores { await store.close() }
        }
    }

    @Test func `a server that is not there is an error, not a wait`() async throws {
        await #expect(throws: TagStoreError.self) {
            _ = try await PostgresTagStore.open("postgresql://127.0.0.1:1/x", rules: try TagRules())
        }
    }
}

import Hashing
import Postgres

/// The tables in PostgreSQL, version 13 or newer. Any number of control servers may share them.
package final class PostgresEngine: StoreEngine {
    private let pool: PostgresPool

    package var isShared: Bool { true }

    /// Connects, and creates or updates the tables.
    package init(_ url: String, connections: Int = 8) async throws(StoreError) {
        let pool = PostgresPool(url, connections: connections)
        do throws(PostgresError) {
            try await pool.transaction { connection throws(PostgresError) in try Self.migrate(connection) }
        } catch {
            pool.close()
            throw StoreError(error)
        }
        self.pool = pool
    }

    private static func migrate(_ connection: PostgresConnection) throws(PostgresError) {
        try connection.query("SELECT pg_advisory_xact_lock($1)", [.int(PostgresSession.key("schema"))])
        try connection.run(script: "CREATE TABLE IF NOT EXISTS swoop_fleet_schema (version bigint NOT NULL)")
        let found = try connection.query("SELECT max(version) FROM swoop_fleet_schema").first?.int(0) ?? 0
        guard found <= StoreSchema.steps.count else {
            throw .refused(state: "", "the tables were made by a newer version of this program")
        }
        for (index, step) in StoreSchema.steps.enumerated() where index >= found {
            try connection.run(script: step.sql)
            try connection.query("INSERT INTO swoop_fleet_schema VALUES ($1)", [.int(Int64(index + 1))])
        }
    }

    package func write<R: Sendable>(
        _ body: @escaping @Sendable (any StoreSession) throws(StoreError) -> R
    ) async throws(StoreError) -> R {
        let result = try await transaction(body)
        CommitCount.add()
        return result
    }

    private func transaction<R: Sendable>(
        _ body: @escaping @Sendable (any StoreSession) throws(StoreError) -> R
    ) async throws(StoreError) -> R {
        do throws(PostgresError) {
            return try await pool.transaction { connection throws(PostgresError) in
                let session = PostgresSession(connection)
                do throws(StoreError) { return try body(session) } catch {
                    throw session.problem ?? .refused(state: "", error.description)
                }
            }
        } catch { throw StoreError(error) }
    }

    package func read<R: Sendable>(
        _ body: @escaping @Sendable (any StoreSession) throws(StoreError) -> R
    ) async throws(StoreError) -> R {
        try await transaction { session throws(StoreError) in
            try session.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return try body(session)
        }
    }

    package func close() async { pool.close() }
}

private final class PostgresSession: StoreSession {
    private let connection: PostgresConnection
    /// The error as the connection reported it. The pool needs it to recognise conflicts and retry them.
    private(set) var problem: PostgresError?

    init(_ connection: PostgresConnection) { self.connection = connection }

    func query(_ sql: StaticString, _ values: [StoreValue]) throws(StoreError) -> [StoreRow] {
        do throws(PostgresError) {
            return try connection.query(sql, values.map(\.postgres)).map { StoreRow(columns: .postgres($0)) }
        } catch {
            problem = error
            throw StoreError(error)
        }
    }

    func lock(_ name: String) throws(StoreError) {
        _ = try query("SELECT pg_advisory_xact_lock($1)", [.int(Self.key(name))])
    }

    /// The key of a named advisory lock.
    static func key(_ name: String) -> Int64 {
        SHA256.digest(Array("swoop fleet\0\(name)".utf8)).bytes.prefix(8).reduce(0) { $0 << 8 | Int64($1) }
    }
}

extension StoreError {
    fileprivate init(_ error: PostgresError) {
        switch error {
        case .unavailable, .conflict, .closed: self = .unavailable("\(error)")
        // A server that became a replica answers reads only, until it is the primary again.
        case .refused("25006", _): self = .unavailable("\(error)")
        case .refused: self = .damaged("\(error)")
        }
    }
}

extension StoreValue {
    fileprivate var postgres: PostgresValue {
        switch self {
        case .int(let number): .int(number)
        case .text(let text): .text(text)
        case .bytes(let bytes): .bytes(bytes)
        }
    }
}

import Postgres

/// What a transaction ends with.
struct Ended<R: Sendable>: Sendable {
    let value: R
    /// False to undo it.
    let commits: Bool

    init(_ value: R, commits: Bool = true) {
        self.value = value
        self.commits = commits
    }
}

/// The connections of an index to PostgreSQL, with the errors of a store.
struct PostgresStorage: Sendable {
    let pool: PostgresPool

    /// In a transaction.
    func change<R: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws(PostgresError) -> Ended<R>
    ) async throws(TagStoreError) -> R {
        do {
            return try await pool.transaction { connection throws(PostgresError) in
                let ended = try body(connection)
                // A transaction that is undone here is ended by the one around as an empty one.
                if !ended.commits { try connection.run(script: "ROLLBACK AND CHAIN") }
                return ended.value
            }
        } catch {
            throw TagStoreError(error)
        }
    }

    func read<R: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws(PostgresError) -> R
    ) async throws(TagStoreError) -> R {
        do { return try await pool.run(body) } catch { throw TagStoreError(error) }
    }

    func rows<R: Sendable>(
        _ sql: StaticString, _ values: [PostgresValue], _ parse: @escaping @Sendable (PostgresRow) -> R?
    ) async throws(TagStoreError) -> [R] {
        try await read { connection throws(PostgresError) in try connection.query(sql, values).compactMap(parse) }
    }
}

extension TagStoreError {
    init(_ error: PostgresError) {
        switch error {
        case .unavailable, .conflict, .closed: self = .unavailable("\(error)")
        case .refused: self = .broken("\(error)")
        }
    }
}

import Postgres

/// The result of a transaction, and whether it is committed.
struct Ended<R: Sendable>: Sendable {
    let value: R
    /// False to roll the transaction back.
    let commits: Bool

    init(_ value: R, commits: Bool = true) {
        self.value = value
        self.commits = commits
    }
}

/// The connections of an index to PostgreSQL. Errors are turned into those of a store.
struct PostgresStorage: Sendable {
    let pool: PostgresPool

    /// Runs a body in a transaction.
    func change<R: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws(PostgresError) -> Ended<R>
    ) async throws(TagStoreError) -> R {
        do {
            return try await pool.transaction { connection throws(PostgresError) in
                let ended = try body(connection)
                // The pool commits the transaction afterwards. `AND CHAIN` begins a new, empty one for it to commit.
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

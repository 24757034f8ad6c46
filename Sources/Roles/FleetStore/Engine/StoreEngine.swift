/// A database engine: SQLite or PostgreSQL. Both run the same statements.
package protocol StoreEngine: Sendable {
    /// Runs `body` in a transaction. Returns when the transaction is durable. `body` may run more than once. If it
    /// throws, the transaction is rolled back.
    @discardableResult
    func write<R: Sendable>(
        _ body: @escaping @Sendable (any StoreSession) throws(StoreError) -> R
    ) async throws(StoreError) -> R
    /// Runs `body`, which must not write, on one snapshot.
    func read<R: Sendable>(
        _ body: @escaping @Sendable (any StoreSession) throws(StoreError) -> R
    ) async throws(StoreError) -> R
    func close() async
    /// Whether other processes may change the tables.
    var isShared: Bool { get }
}

/// A connection in a transaction. Valid only inside the closure that it is passed to.
package protocol StoreSession {
    /// Runs a statement. Its text is part of the program; values are parameters `$1`, `$2` and so on.
    @discardableResult
    func query(_ sql: StaticString, _ values: [StoreValue]) throws(StoreError) -> [StoreRow]
    /// Waits until no other transaction holds a lock of this name. Holds the lock until the end of this transaction.
    func lock(_ name: String) throws(StoreError)
}

extension StoreSession {
    @discardableResult
    package func query(_ sql: StaticString) throws(StoreError) -> [StoreRow] { try query(sql, []) }
}

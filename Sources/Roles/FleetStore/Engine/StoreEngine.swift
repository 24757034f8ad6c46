/// What keeps the tables: SQLite or PostgreSQL. Statements are the same for both.
package protocol StoreEngine: Sendable {
    /// Runs `body` in a transaction. Returns when what it wrote is durable. It may run more than once, and has changed nothing
    /// when it throws.
    @discardableResult
    func write<R: Sendable>(
        _ body: @escaping @Sendable (any StoreSession) throws(StoreError) -> R
    ) async throws(StoreError) -> R
    /// Runs `body`, which only reads, on one snapshot.
    func read<R: Sendable>(
        _ body: @escaping @Sendable (any StoreSession) throws(StoreError) -> R
    ) async throws(StoreError) -> R
    func close() async
    /// Whether other processes may change the same tables.
    var isShared: Bool { get }
}

/// A connection, for as long as a transaction has it.
package protocol StoreSession {
    /// Runs a statement. Its text is part of the program, with `$1`, `$2`… for what varies.
    @discardableResult
    func query(_ sql: StaticString, _ values: [StoreValue]) throws(StoreError) -> [StoreRow]
    /// Waits until no other transaction holds a lock of this name, and holds it until the end of this one.
    func lock(_ name: String) throws(StoreError)
}

extension StoreSession {
    @discardableResult
    package func query(_ sql: StaticString) throws(StoreError) -> [StoreRow] { try query(sql, []) }
}

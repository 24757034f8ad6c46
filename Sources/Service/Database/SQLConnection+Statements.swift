import GRDB

/// Each connection caches its prepared statements. Values are always parameters, never part of the SQL text.
extension SQLConnection {
    /// Runs a statement without results. Returns the number of rows that it changed.
    @discardableResult
    package func run(_ sql: StaticString, _ arguments: StatementArguments = StatementArguments()) throws -> Int {
        try cachedStatement(sql: sql.description).execute(arguments: arguments)
        return changesCount
    }

    package func row(_ sql: StaticString, _ arguments: StatementArguments = StatementArguments()) throws -> Row? {
        try Row.fetchOne(cachedStatement(sql: sql.description), arguments: arguments)
    }

    package func rows(_ sql: StaticString, _ arguments: StatementArguments = StatementArguments()) throws -> [Row] {
        try Row.fetchAll(cachedStatement(sql: sql.description), arguments: arguments)
    }

    /// Calls `body` for each row, without loading all rows into memory.
    package func each(
        _ sql: StaticString, _ arguments: StatementArguments = StatementArguments(), _ body: (Row) throws -> Void
    ) throws {
        let rows = try Row.fetchCursor(cachedStatement(sql: sql.description), arguments: arguments)
        while let row = try rows.next() { try body(row) }
    }

    /// The first column of the first row.
    package func value<V: DatabaseValueConvertible & StatementColumnConvertible>(
        _ sql: StaticString, _ arguments: StatementArguments = StatementArguments(), as: V.Type = V.self
    ) throws -> V? {
        try V.fetchOne(cachedStatement(sql: sql.description), arguments: arguments)
    }
}

import Database
import GRDB

/// The tables in an SQLite file, for one control server.
package final class SQLiteEngine: StoreEngine {
    private let file: DatabaseFile

    package var isShared: Bool { false }

    /// Opens the file, or creates it.
    package init(_ path: String) async throws(StoreError) {
        do {
            file = try await DatabaseFile.open(
                path,
                migrations: StoreSchema.steps.map { step in Migration(step.name, sql: step.sql.description) })
        } catch { throw StoreError.unavailable("\(error)") }
    }

    package func write<R: Sendable>(
        _ body: @escaping @Sendable (any StoreSession) throws(StoreError) -> R
    ) async throws(StoreError) -> R {
        do { return try await file.write { try body(SQLiteSession(connection: $0)) } } catch {
            throw StoreError.unavailable("\(error)")
        }
    }

    package func read<R: Sendable>(
        _ body: @escaping @Sendable (any StoreSession) throws(StoreError) -> R
    ) async throws(StoreError) -> R {
        do { return try await file.read { try body(SQLiteSession(connection: $0)) } } catch {
            throw StoreError.unavailable("\(error)")
        }
    }

    package func close() async { await file.close() }

    /// Copies the committed contents to a new file. Reads and writes go on meanwhile.
    package func copy(to path: String) async throws(StoreError) {
        do { try await file.copy(to: path) } catch { throw StoreError.unavailable("\(error)") }
    }
}

private struct SQLiteSession: StoreSession {
    let connection: SQLConnection

    func query(_ sql: StaticString, _ values: [StoreValue]) throws(StoreError) -> [StoreRow] {
        do {
            // In SQLite, numbered parameters begin with a question mark.
            let text = sql.description.replacing("$", with: "?")
            let statement = try connection.cachedStatement(sql: text)
            let arguments = StatementArguments(values.map(\.databaseValue))
            guard statement.columnCount > 0 else {
                try statement.execute(arguments: arguments)
                return []
            }
            return try Row.fetchAll(statement, arguments: arguments).map { row in
                StoreRow(columns: .values(row.databaseValues.map(StoreValue.init)))
            }
        } catch { throw StoreError.unavailable("the database failed: \(error)") }
    }

    /// Does nothing: SQLite has only one write transaction at a time.
    func lock(_ name: String) throws(StoreError) {}
}

extension StoreValue {
    fileprivate var databaseValue: DatabaseValue {
        switch self {
        case .int(let number): number.databaseValue
        case .text(let text): text.databaseValue
        case .bytes(let bytes): bytes.map { SQLBytes($0).databaseValue } ?? .null
        }
    }

    fileprivate init(_ value: DatabaseValue) {
        switch value.storage {
        case .null: self = .int(nil)
        case .int64(let number): self = .int(number)
        case .double(let number): self = .int(Int64(exactly: number.rounded()))
        case .string(let text): self = .text(text)
        case .blob: self = .bytes(SQLBytes.fromDatabaseValue(value)?.bytes)
        }
    }
}

import Database
import GRDB
import Synchronization

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
        } catch { throw StoreError(error) }
    }

    package func write<R: Sendable>(
        _ body: @escaping @Sendable (any StoreSession) throws(StoreError) -> R
    ) async throws(StoreError) -> R {
        let kept = KeptError()
        do {
            let result = try await file.write { connection in
                try kept.of { () throws(StoreError) in try body(SQLiteSession(connection: connection)) }
            }
            CommitCount.add()
            return result
        } catch {
            throw kept.error ?? StoreError(error)
        }
    }

    package func read<R: Sendable>(
        _ body: @escaping @Sendable (any StoreSession) throws(StoreError) -> R
    ) async throws(StoreError) -> R {
        let kept = KeptError()
        do {
            return try await file.read { connection in
                try kept.of { () throws(StoreError) in try body(SQLiteSession(connection: connection)) }
            }
        } catch {
            throw kept.error ?? StoreError(error)
        }
    }

    package func close() async { await file.close() }

    /// Copies the database of a control, which may be running, to a new file. The database itself is only read.
    package static func copy(_ path: String, to target: String) async throws(StoreError) {
        do { try await DatabaseFile.copy(path, to: target) } catch { throw StoreError(error) }
    }
}

/// The error of a transaction's body, which the database passes on only as a text.
private final class KeptError: Sendable {
    private let kept = Mutex<StoreError?>(nil)

    var error: StoreError? { kept.withLock { $0 } }

    func of<R>(_ body: () throws(StoreError) -> R) throws(StoreError) -> R {
        kept.withLock { $0 = nil }
        do throws(StoreError) { return try body() } catch {
            kept.withLock { $0 = error }
            throw error
        }
    }
}

extension StoreError {
    /// Whether a later attempt may succeed decides between the cases.
    fileprivate init(_ error: DatabaseFileError) {
        switch error {
        case .corrupt, .newer: self = .damaged("\(error)")
        case .full, .disk, .failed, .closed: self = .unavailable("\(error)")
        }
    }

    /// Why a statement failed.
    fileprivate init(statement error: any Error) {
        let known = DatabaseFileError(error)
        let code = (error as? GRDB.DatabaseError)?.resultCode
        guard case .failed = known, code != .SQLITE_BUSY, code != .SQLITE_LOCKED, code != .SQLITE_INTERRUPT else {
            self.init(known)
            return
        }
        self = .damaged("\(known)")
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
        } catch { throw StoreError(statement: error) }
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

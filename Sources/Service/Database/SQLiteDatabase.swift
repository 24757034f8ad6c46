// Database: embedded databases.
//
// Purpose: one way to open an SQLite database: its schema brought up to date, what is written durable when the call returns,
// readers that do not wait for writers. Must never: block a thread of Swift's cooperative pool.

import GRDB

/// Why a database cannot be used.
package struct DatabaseProblem: Error, Sendable, CustomStringConvertible {
    package let description: String
    /// No space left, or the disk fails.
    package let isDisk: Bool

    package init(_ error: any Error) {
        description = "\(error)"
        let code = (error as? DatabaseError)?.resultCode
        isDisk = code == .SQLITE_FULL || code == .SQLITE_IOERR
    }
}

/// A database in one file, for one process. Every change is durable when its call returns.
package final class SQLiteDatabase: Sendable {
    private let pool: DatabasePool

    /// One step of the schema, applied once, in the order of the list.
    package struct Migration: Sendable {
        let name: String
        let sql: String

        package init(_ name: String, sql: String) {
            self.name = name
            self.sql = sql
        }
    }

    /// Opens the database and brings its schema up to date. Blocks.
    /// - Parameter path: of the file; it is made if it is missing, its directory is not.
    package init(path: String, migrations: [Migration]) throws(DatabaseProblem) {
        var configuration = Configuration()
        configuration.maximumReaderCount = 4
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        var migrator = DatabaseMigrator()
        for migration in migrations {
            migrator.registerMigration(migration.name) { try $0.execute(sql: migration.sql) }
        }
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
            try migrator.migrate(pool)
        } catch {
            throw DatabaseProblem(error)
        }
    }

    /// Reads, beside writers and other readers, from one state of the database.
    package func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(DatabaseProblem) -> Value {
        do { return try await pool.read(body) } catch { throw DatabaseProblem(error) }
    }

    /// Changes the database in one transaction: all of it, or nothing if `body` throws.
    package func write<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(DatabaseProblem) -> Value {
        do { return try await pool.write(body) } catch { throw DatabaseProblem(error) }
    }

    package func close() throws(DatabaseProblem) {
        do { try pool.close() } catch { throw DatabaseProblem(error) }
    }
}

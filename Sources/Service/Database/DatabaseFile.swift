import GRDB
import Glibc
import Threads

/// An SQLite database file with a write-ahead log that is synced at each commit.
package final class DatabaseFile: Sendable {
    private let pool: DatabasePool
    private let writes = WaitingWork(mostRunning: 1, mostAtOnce: 256)
    private let reads: WaitingWork

    /// Seconds to wait for another process that has the file locked.
    private static let patience = 5.0

    /// Opens the file, or creates it, and applies the migrations that it lacks. Throws ``DatabaseFileError/newer(_:)``
    /// for a file with migrations that are not in `migrations`.
    package static func open(_ path: String, migrations: [Migration]) async throws(DatabaseFileError) -> DatabaseFile {
        try await Threads.offload(name: "database") { () throws(DatabaseFileError) in
            do { return try DatabaseFile(path, migrations) } catch { throw DatabaseFileError(error) }
        }
    }

    private init(_ path: String, _ migrations: [Migration]) throws {
        let readers = Threads.processors
        reads = WaitingWork(mostRunning: readers, mostAtOnce: 256)
        var configuration = Configuration()
        configuration.busyMode = .timeout(Self.patience)
        // Two more connections than short reads use, so that ``readAtLength(_:)`` does not wait for them.
        configuration.maximumReaderCount = readers + 2
        configuration.label = "database"
        Self.keepPrivate(path)
        pool = try DatabasePool(path: path, configuration: configuration)
        var migrator = DatabaseMigrator()
        for migration in migrations {
            migrator.registerMigration(migration.name, migrate: migration.apply)
        }
        if try pool.read(migrator.hasBeenSuperseded) { throw DatabaseFileError.newer(path) }
        try pool.writeWithoutTransaction { connection in
            // The default of GRDB's pool syncs at checkpoints only.
            try connection.execute(sql: "PRAGMA synchronous = FULL")
        }
        try migrator.migrate(pool)
    }

    /// Makes the file for its owner alone; SQLite gives its other files the mode of this one. One that is there stays as it is.
    private static func keepPrivate(_ path: String) {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    /// Runs `body` in a transaction, which other queued writes may share. Returns when the transaction is durable. If
    /// `body` throws, its own changes are undone.
    package func write<R: Sendable>(
        _ body: @escaping @Sendable (SQLConnection) throws -> R
    ) async throws(DatabaseFileError) -> R {
        try await wait { work in
            if writes.add(work) { startWriting() }
        } for: {
            try body($0)
        }
    }

    /// Runs `body`, which must be short, on a snapshot with everything that was committed before the call.
    package func read<R: Sendable>(
        _ body: @escaping @Sendable (SQLConnection) throws -> R
    ) async throws(DatabaseFileError) -> R {
        try await wait { work in
            if reads.add(work) { startReading() }
        } for: {
            try body($0)
        }
    }

    /// The same as ``read(_:)`` for a body that takes long. Short reads do not queue behind it.
    package func readAtLength<R: Sendable>(
        _ body: @escaping @Sendable (SQLConnection) throws -> R
    ) async throws(DatabaseFileError) -> R {
        try await wait { work in
            pool.asyncRead { Self.read([work], $0) }
        } for: {
            try body($0)
        }
    }

    /// Copies the committed contents of a database that another process may have open. Nothing of it is changed, and it
    /// may be of any version.
    package static func copy(_ path: String, to target: String) async throws(DatabaseFileError) {
        try await Threads.offload(name: "database") { () throws(DatabaseFileError) in
            do {
                var configuration = Configuration()
                configuration.readonly = true
                configuration.busyMode = .timeout(patience)
                let source = try DatabaseQueue(path: path, configuration: configuration)
                // For its owner alone.
                let made = Glibc.open(target, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
                guard made >= 0 else { throw DatabaseFileError.failed("\(target) cannot be made") }
                Glibc.close(made)
                do {
                    let copy = try DatabaseQueue(path: target)
                    try source.backup(to: copy)
                    try copy.close()
                    try source.close()
                } catch {
                    unlink(target)
                    throw error
                }
            } catch { throw DatabaseFileError(error) }
        }
    }

    /// Refuses new reads and writes, and closes the connections when the current ones have ended.
    package func close() async {
        writes.close()
        reads.close()
        await Threads.offload(name: "database") { try? self.pool.close() }
    }

    // MARK: Groups

    private func wait<R: Sendable>(
        _ enqueue: (Work) -> Void, for body: @escaping @Sendable (SQLConnection) throws -> R
    ) async throws(DatabaseFileError) -> R {
        let result: Result<R, DatabaseFileError> = await withCheckedContinuation { continuation in
            enqueue(
                Work(
                    run: { connection in
                        let value = try body(connection)
                        return { continuation.resume(returning: .success(value)) }
                    },
                    fail: { continuation.resume(returning: .failure($0)) }))
        }
        return try result.get()
    }

    private func startWriting() {
        pool.asyncWriteWithoutTransaction { connection in
            WriteGroup.commit(self.writes.take(), on: connection)
            if self.writes.more() { self.startWriting() }
        }
    }

    private func startReading() {
        pool.asyncRead { connection in
            Self.read(self.reads.take(), connection)
            if self.reads.more() { self.startReading() }
        }
    }

    private static func read(_ works: [Work], _ connection: Result<SQLConnection, any Error>) {
        for work in works {
            do { try work.run(connection.get())() } catch { work.fail(DatabaseFileError(error)) }
        }
    }
}

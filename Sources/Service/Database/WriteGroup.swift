import GRDB

/// Writes that share a transaction. Each runs in a savepoint: if one fails, its own changes are undone and the others
/// go on. If the transaction fails, all of them fail.
struct WriteGroup {
    private var done: [(work: Work, tell: @Sendable () -> Void)] = []
    private var failed: [(work: Work, error: any Error)] = []

    static func commit(_ works: [Work], on connection: SQLConnection) {
        var group = WriteGroup()
        do {
            try connection.beginTransaction(.immediate)
            for work in works { try group.add(work, on: connection) }
            try connection.commit()
            for one in group.done { one.tell() }
            for one in group.failed { one.work.fail(DatabaseFileError(one.error)) }
        } catch {
            // SQLite may have rolled back already. A rollback that fails leaves nothing else to do.
            if connection.isInsideTransaction { try? connection.rollback() }
            for work in works { work.fail(DatabaseFileError(error)) }
        }
    }

    private mutating func add(_ work: Work, on connection: SQLConnection) throws {
        do {
            var tell: (@Sendable () -> Void)?
            try connection.inSavepoint {
                tell = try work.run(connection)
                return .commit
            }
            if let tell { done.append((work, tell)) }
        } catch {
            // Some errors, such as a full disk, make SQLite roll back the whole transaction.
            guard connection.isInsideTransaction else { throw error }
            failed.append((work, error))
        }
    }
}

import GRDB

/// Writes that share a transaction. One that fails changes nothing and leaves the others as they are; when the transaction
/// itself fails, all have failed.
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
            // What fails here left no transaction or one that cannot be ended otherwise.
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
            // A full disk, for one, ends the whole transaction.
            guard connection.isInsideTransaction else { throw error }
            failed.append((work, error))
        }
    }
}

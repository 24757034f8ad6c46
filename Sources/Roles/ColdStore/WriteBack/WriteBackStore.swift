import Database
import Foundation
import GRDB
import Hashing
import Registry

/// The queue of uploads on the disk. Every change is durable when its call returns.
package final class WriteBackStore: Sendable {
    private let database: DatabaseFile

    private static let migrations = [
        Migration(
            "writeback",
            sql: """
                CREATE TABLE writeback (backend TEXT NOT NULL, digest BLOB NOT NULL, name TEXT NOT NULL, added REAL NOT NULL,
                    due REAL NOT NULL, failures INTEGER NOT NULL DEFAULT 0, problem TEXT NOT NULL DEFAULT '',
                    PRIMARY KEY (backend, digest)) WITHOUT ROWID;
                CREATE INDEX writebackDue ON writeback (due);
                """)
    ]

    /// Seconds. A task that is due later than this from now was made before the clock was set back, and counts as due.
    private static let longestWait = 86_400.0

    private init(_ database: DatabaseFile) { self.database = database }

    /// Opens the queue's database, and makes it if it is missing.
    package static func open(_ path: String) async throws(DatabaseFileError) -> WriteBackStore {
        WriteBackStore(try await DatabaseFile.open(path, migrations: migrations))
    }

    /// Adds a task for a blob that was pushed. If the task exists already, it is due at the earlier of both times.
    package func add(_ key: WriteBackTask.Key, name: String, added: Double, due: Double) async throws(DatabaseFileError)
    {
        try await database.write { database in
            try database.execute(
                sql: """
                    INSERT INTO writeback (backend, digest, name, added, due) VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT (backend, digest) DO UPDATE SET added = excluded.added, due = min(due, excluded.due)
                    """,
                arguments: [key.backend, key.digest.data, name, added, due])
        }
    }

    /// Tasks that are due, earliest due time first.
    /// - Parameter resting: labels of back ends whose tasks are left out.
    package func due(_ now: Double, resting: [String], limit: Int) async throws(DatabaseFileError) -> [WriteBackTask] {
        try await database.read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT backend, digest, added, due, failures FROM writeback
                    WHERE (due <= ? OR due > ?) AND backend NOT IN (\(Self.marks(resting.count)))
                    ORDER BY due LIMIT ?
                    """,
                arguments: StatementArguments([now, now + Self.longestWait]) + StatementArguments(resting)
                    + StatementArguments([limit]))
            return rows.compactMap { row in
                guard let digest = BlobDigest(row["digest"] as Data) else { return nil }
                return WriteBackTask(
                    key: WriteBackTask.Key(backend: row["backend"], digest: digest), added: row["added"],
                    due: row["due"], failures: row["failures"])
            }
        }
    }

    /// The earliest time after `now` at which a task is due; nil when there is none.
    package func nextDue(after now: Double, resting: [String]) async throws(DatabaseFileError) -> Double? {
        try await database.read { database in
            try Double.fetchOne(
                database,
                sql: "SELECT min(due) FROM writeback WHERE due > ? AND backend NOT IN (\(Self.marks(resting.count)))",
                arguments: StatementArguments([now]) + StatementArguments(resting))
        }
    }

    /// Removes a finished task, unless its blob was pushed again meanwhile.
    package func drop(_ task: WriteBackTask) async throws(DatabaseFileError) {
        try await database.write { database in
            try database.execute(
                sql: "DELETE FROM writeback WHERE backend = ? AND digest = ? AND added = ?",
                arguments: [task.key.backend, task.key.digest.data, task.added])
        }
    }

    package func postpone(_ task: WriteBackTask, to due: Double, problem: String) async throws(DatabaseFileError) {
        try await database.write { database in
            try database.execute(
                sql: """
                    UPDATE writeback SET due = ?, failures = ?, problem = ? WHERE backend = ? AND digest = ? AND added = ?
                    """,
                arguments: [
                    due, task.failures + 1, problem, task.key.backend, task.key.digest.data, task.added,
                ])
        }
    }

    /// Moves tasks to other back ends after a start, because the configuration may have changed since they were made.
    /// - Parameter choose: the label of the back end for a name; nil leaves the task to wait for its old back end.
    package func choose(_ choose: @escaping @Sendable (String) -> String?) async throws(DatabaseFileError) {
        try await database.write { database in
            let rows = try Row.fetchAll(database, sql: "SELECT DISTINCT backend, name FROM writeback")
            for row in rows {
                let (old, name): (String, String) = (row["backend"], row["name"])
                guard let new = choose(name), new != old else { continue }
                try database.execute(
                    sql: "UPDATE OR REPLACE writeback SET backend = ? WHERE backend = ? AND name = ?",
                    arguments: [new, old, name])
            }
        }
    }

    /// The labels of all back ends that have tasks.
    package func labels() async throws(DatabaseFileError) -> [String] {
        try await database.read { database in
            try String.fetchAll(database, sql: "SELECT DISTINCT backend FROM writeback ORDER BY backend")
        }
    }

    /// The number of tasks, and when the oldest was added, in seconds since 1970.
    package func figures() async throws(DatabaseFileError) -> (tasks: Int, oldest: Double?) {
        let row = try await database.read { database in
            (
                try Int.fetchOne(database, sql: "SELECT count(*) FROM writeback") ?? 0,
                try Double.fetchOne(database, sql: "SELECT min(added) FROM writeback")
            )
        }
        return (tasks: row.0, oldest: row.1)
    }

    /// Whether a task for the blob is in the queue. Such a blob must not be removed.
    package func isWaiting(_ digest: BlobDigest) async throws(DatabaseFileError) -> Bool {
        try await database.read { database in
            try Bool.fetchOne(
                database, sql: "SELECT EXISTS (SELECT 1 FROM writeback WHERE digest = ?)", arguments: [digest.data])
                ?? false
        }
    }

    /// For each of these blobs that has tasks in the queue, the names under which it was pushed.
    package func names(of digests: [BlobDigest]) async throws(DatabaseFileError) -> [BlobDigest: [String]] {
        guard !digests.isEmpty else { return [:] }
        return try await database.read { database in
            let rows = try Row.fetchAll(
                database, sql: "SELECT digest, name FROM writeback WHERE digest IN (\(Self.marks(digests.count)))",
                arguments: StatementArguments(digests.map(\.data)))
            var names: [BlobDigest: [String]] = [:]
            for row in rows {
                if let digest = BlobDigest(row["digest"] as Data) { names[digest, default: []].append(row["name"]) }
            }
            return names
        }
    }

    package func close() async { await database.close() }

    private static func marks(_ count: Int) -> String { Array(repeating: "?", count: count).joined(separator: ", ") }
}

extension BlobDigest {
    fileprivate var data: Data { Data(sha256.bytes) }

    fileprivate init?(_ data: Data) {
        guard let digest = SHA256Digest(bytes: Array(data)) else { return nil }
        self.init(digest)
    }
}

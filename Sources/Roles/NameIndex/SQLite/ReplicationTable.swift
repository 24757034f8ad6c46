import Database
import GRDB
import Registry

/// The replication tasks of an index in SQLite.
enum ReplicationTable {
    static let schema = Migration(
        "replication",
        sql: """
            CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
            INSERT INTO settings VALUES ('cluster', lower(hex(randomblob(8))));
            CREATE TABLE replications (
                remote TEXT NOT NULL, name TEXT NOT NULL, tag TEXT NOT NULL, digest BLOB NOT NULL, via TEXT NOT NULL,
                due INTEGER, failures INTEGER NOT NULL, problem TEXT NOT NULL, upload TEXT NOT NULL,
                PRIMARY KEY (remote, name, tag)
            ) WITHOUT ROWID;
            CREATE INDEX replications_by_time ON replications (remote, due) WHERE due IS NOT NULL;
            CREATE INDEX replications_by_tag ON replications (name, tag);
            """)

    static func cluster(in connection: SQLConnection) throws -> String {
        try connection.value("SELECT value FROM settings WHERE key = 'cluster'") ?? ""
    }

    /// - Parameter via: the registries through which the tag came to this one.
    static func add(
        _ tag: Tag, of name: ContentName, _ digest: BlobDigest, via: ClusterPath, to remotes: [String], due: Int64,
        in connection: SQLConnection
    ) throws {
        guard !remotes.isEmpty, !via.isFull else { return }
        let path = via.adding(try cluster(in: connection)).description
        for remote in remotes {
            try connection.run(
                """
                INSERT INTO replications (remote, name, tag, digest, via, due, failures, problem, upload)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, '', '')
                ON CONFLICT (remote, name, tag) DO UPDATE
                    SET digest = ?4, via = ?5, due = ?6, failures = 0, problem = ''
                """, [remote, name.text, tag.text, SQLBytes(digest.stored), path, due])
        }
    }

    static func of(_ tag: Tag, _ name: ContentName, in connection: SQLConnection) throws -> [ReplicationTask] {
        try connection.rows(
            """
            SELECT remote, name, tag, digest, via, due, failures, problem, upload FROM replications
            WHERE name = ? AND tag = ? ORDER BY remote
            """, [name.text, tag.text]
        ).compactMap(task)
    }

    static func take(
        to remote: String, now: Int64, lease: Int64, limit: Int, in connection: SQLConnection
    ) throws -> [ReplicationTask] {
        let tasks = try connection.rows(
            """
            SELECT remote, name, tag, digest, via, due, failures, problem, upload FROM replications
            WHERE remote = ? AND due <= ? ORDER BY due LIMIT ?
            """, [remote, now, limit]
        ).compactMap(task)
        for task in tasks {
            try connection.run(
                "UPDATE replications SET due = ? WHERE remote = ? AND name = ? AND tag = ?",
                [lease, task.remote, task.name.text, task.tag.text])
        }
        return tasks
    }

    static func end(_ task: ReplicationTask, in connection: SQLConnection) throws {
        try connection.run(
            "DELETE FROM replications WHERE remote = ? AND name = ? AND tag = ? AND digest = ?", key(task))
    }

    static func postpone(
        _ task: ReplicationTask, to due: Int64?, failures: Int, problem: String, in connection: SQLConnection
    ) throws {
        try connection.run(
            """
            UPDATE replications SET due = ?5, failures = ?6, problem = ?7
            WHERE remote = ?1 AND name = ?2 AND tag = ?3 AND digest = ?4
            """, key(task) + [due, failures, problem])
    }

    static func note(_ upload: String, of task: ReplicationTask, in connection: SQLConnection) throws {
        try connection.run(
            "UPDATE replications SET upload = ?5 WHERE remote = ?1 AND name = ?2 AND tag = ?3 AND digest = ?4",
            key(task) + [upload])
    }

    private static func key(_ task: ReplicationTask) -> StatementArguments {
        [task.remote, task.name.text, task.tag.text, SQLBytes(task.digest.stored)]
    }

    private static func task(_ row: Row) -> ReplicationTask? {
        guard let name = ContentName(row[1] as String), let tag = Tag(row[2] as String), let digest = row.digest(3)
        else { return nil }
        return ReplicationTask(
            remote: row[0], name: name, tag: tag, digest: digest, via: ClusterPath(row[4] as String), due: row[5],
            failures: row[6], problem: row[7], upload: row[8])
    }
}

extension SQLiteTagStore {
    package func cluster() async throws(TagStoreError) -> String {
        try await read { try ReplicationTable.cluster(in: $0) }
    }

    package func replicate(_ tag: Tag, of name: ContentName, at: Int64) async throws(TagStoreError) -> Bool {
        let remotes = remotes.matching(name, tag)
        return try await write { connection in
            guard let digest = try TagTable.record(of: tag, of: name, in: connection)?.digest else { return false }
            try ReplicationTable.add(tag, of: name, digest, via: .none, to: remotes, due: at, in: connection)
            return true
        }
    }

    package func replications(of tag: Tag, of name: ContentName) async throws(TagStoreError) -> [ReplicationTask] {
        try await read { try ReplicationTable.of(tag, name, in: $0) }
    }

    package func takeReplications(
        to remote: String, now: Int64, lease: Int64, limit: Int
    ) async throws(TagStoreError) -> [ReplicationTask] {
        // If no task is due, no write transaction is needed.
        let isDue = try await read {
            try $0.row("SELECT 1 FROM replications WHERE remote = ? AND due <= ? LIMIT 1", [remote, now]) != nil
        }
        guard isDue else { return [] }
        return try await write {
            try ReplicationTable.take(to: remote, now: now, lease: lease, limit: limit, in: $0)
        }
    }

    package func endReplication(_ task: ReplicationTask) async throws(TagStoreError) {
        try await write { try ReplicationTable.end(task, in: $0) }
    }

    package func postponeReplication(
        _ task: ReplicationTask, to due: Int64?, failures: Int, problem: String
    ) async throws(TagStoreError) {
        try await write {
            try ReplicationTable.postpone(task, to: due, failures: failures, problem: problem, in: $0)
        }
    }

    package func noteUpload(_ upload: String, of task: ReplicationTask) async throws(TagStoreError) {
        try await write { try ReplicationTable.note(upload, of: task, in: $0) }
    }

    package func releaseReplications(now: Int64) async throws(TagStoreError) {
        try await write { _ = try $0.run("UPDATE replications SET due = ?1 WHERE due > ?1", [now]) }
    }

    package func countReplications() async throws(TagStoreError) -> Int {
        try await read { try $0.value("SELECT count(*) FROM replications WHERE due IS NOT NULL") ?? 0 }
    }
}

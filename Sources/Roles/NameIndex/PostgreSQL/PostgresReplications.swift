import Postgres
import Registry

/// The replication tasks of an index in PostgreSQL.
enum PostgresReplications {
    static func cluster(in connection: PostgresConnection) throws(PostgresError) -> String {
        try connection.query("SELECT value FROM settings WHERE key = 'cluster'").first?.text(0) ?? ""
    }

    /// - Parameter via: the registries through which the tag came to this one.
    static func add(
        _ tag: Tag, of name: ContentName, _ digest: BlobDigest, via: ClusterPath, to remotes: [String], due: Int64,
        in connection: PostgresConnection
    ) throws(PostgresError) {
        guard !remotes.isEmpty, !via.isFull else { return }
        let path = via.adding(try cluster(in: connection)).description
        for remote in remotes.sorted() {
            try connection.query(
                """
                INSERT INTO replications (remote, name, tag, digest, via, due, failures, problem, upload)
                VALUES ($1, $2, $3, $4, $5, $6, 0, '', '')
                ON CONFLICT (remote, name, tag) DO UPDATE
                    SET digest = $4, via = $5, due = $6, failures = 0, problem = ''
                """,
                [
                    .text(remote), .text(name.text), .text(tag.text), .bytes(digest.stored), .text(path), .int(due),
                ])
        }
    }

    static func key(_ task: ReplicationTask) -> [PostgresValue] {
        [.text(task.remote), .text(task.name.text), .text(task.tag.text), .bytes(task.digest.stored)]
    }

    static func task(_ row: PostgresRow) -> ReplicationTask? {
        guard let remote = row.text(0), let name = row.text(1).flatMap({ ContentName($0) }),
            let tag = row.text(2).flatMap({ Tag($0) }), let digest = row.digest(3)
        else { return nil }
        return ReplicationTask(
            remote: remote, name: name, tag: tag, digest: digest, via: ClusterPath(row.text(4)), due: row.int(5),
            failures: Int(row.int(6) ?? 0), problem: row.text(7) ?? "", upload: row.text(8) ?? "")
    }
}

extension PostgresTagStore {
    package func cluster() async throws(TagStoreError) -> String {
        try await storage.read { connection throws(PostgresError) in try PostgresReplications.cluster(in: connection) }
    }

    package func replicate(_ tag: Tag, of name: ContentName, at: Int64) async throws(TagStoreError) -> Bool {
        let remotes = remotes.matching(name, tag)
        return try await storage.change { connection throws(PostgresError) in
            guard let digest = try PostgresTags.record(of: tag, of: name, in: connection)?.digest else {
                return Ended(false, commits: false)
            }
            try PostgresReplications.add(tag, of: name, digest, via: .none, to: remotes, due: at, in: connection)
            return Ended(true)
        }
    }

    package func replications(of tag: Tag, of name: ContentName) async throws(TagStoreError) -> [ReplicationTask] {
        try await storage.rows(
            """
            SELECT remote, name, tag, digest, via, due, failures, problem, upload FROM replications
            WHERE name = $1 AND tag = $2 ORDER BY remote
            """, [.text(name.text), .text(tag.text)], PostgresReplications.task)
    }

    package func takeReplications(
        to remote: String, now: Int64, lease: Int64, limit: Int
    ) async throws(TagStoreError) -> [ReplicationTask] {
        try await storage.rows(
            """
            UPDATE replications SET due = $3 WHERE (remote, name, tag) IN (
                SELECT remote, name, tag FROM replications WHERE remote = $1 AND due <= $2
                ORDER BY due LIMIT $4 FOR UPDATE SKIP LOCKED)
            RETURNING remote, name, tag, digest, via, due, failures, problem, upload
            """, [.text(remote), .int(now), .int(lease), .int(Int64(limit))], PostgresReplications.task)
    }

    package func endReplication(_ task: ReplicationTask) async throws(TagStoreError) {
        try await run(
            "DELETE FROM replications WHERE remote = $1 AND name = $2 AND tag = $3 AND digest = $4",
            PostgresReplications.key(task))
    }

    package func postponeReplication(
        _ task: ReplicationTask, to due: Int64?, failures: Int, problem: String
    ) async throws(TagStoreError) {
        try await run(
            """
            UPDATE replications SET due = $5, failures = $6, problem = $7
            WHERE remote = $1 AND name = $2 AND tag = $3 AND digest = $4
            """, PostgresReplications.key(task) + [.int(due), .int(Int64(failures)), .text(problem)])
    }

    package func noteUpload(_ upload: String, of task: ReplicationTask) async throws(TagStoreError) {
        try await run(
            "UPDATE replications SET upload = $5 WHERE remote = $1 AND name = $2 AND tag = $3 AND digest = $4",
            PostgresReplications.key(task) + [.text(upload)])
    }

    /// Does nothing, because other indexes use the same store: a task that one of them has taken is due when its lease ends.
    package func releaseReplications(now: Int64) async throws(TagStoreError) {}

    package func countReplications() async throws(TagStoreError) -> Int {
        let counts = try await storage.rows("SELECT count(*) FROM replications WHERE due IS NOT NULL", []) { $0.int(0) }
        return Int(counts.first ?? 0)
    }

    private func run(_ sql: StaticString, _ values: [PostgresValue]) async throws(TagStoreError) {
        _ = try await storage.rows(sql, values) { _ -> Bool? in nil }
    }
}

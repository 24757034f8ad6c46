import Postgres
import Registry

/// Garbage collection of an index in PostgreSQL.
enum PostgresCollection {
    /// The manifests and blobs that can be taken from a name.
    struct Garbage: Sendable {
        let manifests: [BlobDigest]
        let blobs: [BlobDigest]
        var isEmpty: Bool { manifests.isEmpty && blobs.isEmpty }
    }

    static func ids(in connection: PostgresConnection) throws(PostgresError) -> [Int64] {
        try connection.query("SELECT id FROM names ORDER BY id", []).compactMap { $0.int(0) }
    }

    /// The manifests and blobs that the tags of the name reach.
    static func reached(_ id: Int64, in connection: PostgresConnection) throws(PostgresError) -> Set<BlobDigest> {
        Reach.from(try tagged(id, in: connection), over: try nodes(id, in: connection))
    }

    /// The manifests and blobs that were not touched since the cutoff, and that neither a tag nor a manifest touched since
    /// then reaches.
    static func garbage(
        _ id: Int64, untouchedSince cutoff: Int64, in connection: PostgresConnection
    ) throws(PostgresError) -> Garbage {
        func digests(_ sql: StaticString) throws(PostgresError) -> [BlobDigest] {
            try connection.query(sql, [.int(id), .int(cutoff)]).compactMap { $0.digest(0) }
        }
        let roots =
            try tagged(id, in: connection)
            + digests("SELECT digest FROM manifests WHERE name_id = $1 AND touched >= $2")
        let reached = Reach.from(roots, over: try nodes(id, in: connection))
        return Garbage(
            manifests: try digests("SELECT digest FROM manifests WHERE name_id = $1 AND touched < $2")
                .filter { !reached.contains($0) },
            blobs: try digests("SELECT digest FROM blobs WHERE name_id = $1 AND touched < $2")
                .filter { !reached.contains($0) })
    }

    static func delete(
        _ garbage: Garbage, _ id: Int64, in connection: PostgresConnection
    ) throws(PostgresError) -> Collected {
        var gone = Collected()
        for digest in garbage.manifests where try PostgresManifests.delete(digest, id, in: connection) {
            gone.manifests += 1
        }
        gone.links = try connection.query(
            """
            DELETE FROM blobs WHERE name_id = $1 AND digest IN (
                SELECT substring($2 FROM i * 32 + 1 FOR 32) FROM generate_series(0, length($2) / 32 - 1) i)
            RETURNING 1
            """, [.int(id), .bytes(BlobDigest.store(garbage.blobs))]
        ).count
        return gone
    }

    private static func tagged(
        _ id: Int64, in connection: PostgresConnection
    ) throws(PostgresError) -> [BlobDigest] {
        try connection.query("SELECT digest FROM tags WHERE name_id = $1 AND digest IS NOT NULL", [.int(id)])
            .compactMap { $0.digest(0) }
    }

    private static func nodes(
        _ id: Int64, in connection: PostgresConnection
    ) throws(PostgresError) -> [Reach.Node] {
        try connection.query("SELECT digest, subject, refs FROM manifests WHERE name_id = $1", [.int(id)])
            .compactMap { row in
                row.digest(0).map { Reach.Node(digest: $0, references: row.digests(2), subject: row.digest(1)) }
            }
    }

    // MARK: The day's turn

    /// When the last collection began, in milliseconds since 1970; nil for never. Locks the value until the transaction
    /// ends.
    static func lockLast(in connection: PostgresConnection) throws(PostgresError) -> Int64? {
        try connection.query("INSERT INTO settings VALUES ('collected', '') ON CONFLICT DO NOTHING", [])
        return try connection.query("SELECT value FROM settings WHERE key = 'collected' FOR UPDATE", [])
            .first?.text(0).flatMap { Int64($0) }
    }

    static func setLast(_ time: Int64, in connection: PostgresConnection) throws(PostgresError) {
        try connection.query(
            """
            INSERT INTO settings VALUES ('collected', $1) ON CONFLICT (key) DO UPDATE SET value = $1
            """, [.text("\(time)")])
    }
}

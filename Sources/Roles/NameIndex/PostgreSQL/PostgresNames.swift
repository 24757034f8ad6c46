import Postgres
import Registry

/// The names of an index in PostgreSQL, each with an id.
enum PostgresNames {
    static func id(of name: ContentName, in connection: PostgresConnection) throws(PostgresError) -> Int64? {
        try connection.query("SELECT id FROM names WHERE name = $1", [.text(name.text)]).first?.int(0)
    }

    static func makeID(of name: ContentName, in connection: PostgresConnection) throws(PostgresError) -> Int64 {
        if let id = try id(of: name, in: connection) { return id }
        // Waits for a transaction that makes the same name at the same time.
        try connection.query("INSERT INTO names (name) VALUES ($1) ON CONFLICT DO NOTHING", [.text(name.text)])
        guard let id = try id(of: name, in: connection) else { throw .conflict("a name went while it was made") }
        return id
    }

    /// Takes the name's shared lock: until this transaction ends, no other one that takes the exclusive lock removes
    /// anything of the name.
    static func share(_ id: Int64, in connection: PostgresConnection) throws(PostgresError) {
        try connection.query("SELECT pg_advisory_xact_lock_shared($1)", [.int(PostgresSchema.lock &+ id)])
    }

    /// Takes the name's exclusive lock: until this transaction ends, other transactions that take the shared or the
    /// exclusive lock wait.
    static func exclude(_ id: Int64, in connection: PostgresConnection) throws(PostgresError) {
        try connection.query("SELECT pg_advisory_xact_lock($1)", [.int(PostgresSchema.lock &+ id)])
    }

    /// Names that have a tag, a manifest or a blob.
    static func list(
        prefix: String, after: ContentName?, limit: Int, in connection: PostgresConnection
    ) throws(PostgresError) -> [ContentName] {
        // PostgreSQL does not accept a text with a zero byte, and no name has one.
        if prefix.utf8.contains(0) { return [] }
        return try connection.query(
            """
            SELECT name FROM names n WHERE name >= $1 AND name < $2 AND name > $3
                AND (EXISTS (SELECT 1 FROM tags WHERE name_id = n.id AND digest IS NOT NULL)
                    OR EXISTS (SELECT 1 FROM manifests WHERE name_id = n.id)
                    OR EXISTS (SELECT 1 FROM blobs WHERE name_id = n.id))
            ORDER BY name LIMIT $4
            """,
            [.text(prefix), .text(prefix + "\u{7f}"), .text(after?.text ?? ""), .int(Int64(limit))]
        ).compactMap(name)
    }

    /// Names that have the blob.
    static func having(
        _ digest: BlobDigest, limit: Int, in connection: PostgresConnection
    ) throws(PostgresError) -> [ContentName] {
        try connection.query(
            "SELECT name FROM blobs JOIN names ON id = name_id WHERE digest = $1 ORDER BY name LIMIT $2",
            [.bytes(digest.stored), .int(Int64(limit))]
        ).compactMap(name)
    }

    private static func name(_ row: PostgresRow) -> ContentName? { row.text(0).flatMap { ContentName($0) } }
}

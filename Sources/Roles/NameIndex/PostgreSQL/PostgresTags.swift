import Postgres
import Registry

/// The tags of an index in PostgreSQL, and their history.
enum PostgresTags {
    struct State {
        var present: BlobDigest?
        var former: BlobDigest?
    }

    /// The tag's present and former digest. Locks the tag's row until the transaction ends.
    static func lock(
        _ tag: Tag, _ id: Int64, in connection: PostgresConnection
    ) throws(PostgresError) -> State {
        try connection.query(
            "INSERT INTO tags (name_id, tag, at) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING",
            [.int(id), .text(tag.text)])
        let row = try connection.query(
            "SELECT digest, former FROM tags WHERE name_id = $1 AND tag = $2 FOR UPDATE", [.int(id), .text(tag.text)]
        ).first
        return State(present: row?.digest(0), former: row?.digest(1))
    }

    /// Puts a tag on a digest, and adds an event to its history.
    /// - Parameter digest: nil to delete the tag.
    static func set(
        _ tag: Tag, _ id: Int64, to digest: BlobDigest?, by act: Act, in connection: PostgresConnection
    ) throws(PostgresError) {
        try connection.query(
            "UPDATE tags SET digest = $3, former = COALESCE($3, former), at = $4 WHERE name_id = $1 AND tag = $2",
            [.int(id), .text(tag.text), .bytes(digest?.stored), .int(act.at)])
        try connection.query(
            "INSERT INTO events (name_id, tag, digest, who, address, at) VALUES ($1, $2, $3, $4, $5, $6)",
            [
                .int(id), .text(tag.text), .bytes(digest?.stored), .text(act.who), .text(act.address), .int(act.at),
            ])
    }

    static func record(
        of tag: Tag, of name: ContentName, in connection: PostgresConnection
    ) throws(PostgresError) -> TagRecord? {
        try connection.query(
            """
            SELECT tag, digest, tags.at FROM names JOIN tags ON name_id = id AND tag = $2
            WHERE name = $1 AND digest IS NOT NULL
            """, [.text(name.text), .text(tag.text)]
        ).first.flatMap(record)
    }

    static func list(
        of name: ContentName, after: Tag?, limit: Int, in connection: PostgresConnection
    ) throws(PostgresError) -> [TagRecord] {
        try connection.query(
            """
            SELECT tag, digest, tags.at FROM names JOIN tags ON name_id = id
            WHERE name = $1 AND tag > $2 AND digest IS NOT NULL ORDER BY tag LIMIT $3
            """, [.text(name.text), .text(after?.text ?? ""), .int(Int64(limit))]
        ).compactMap(record)
    }

    /// The tags that were put last, newest first.
    static func newest(
        of name: ContentName, limit: Int, in connection: PostgresConnection
    ) throws(PostgresError) -> [TagRecord] {
        try connection.query(
            """
            SELECT tag, digest, tags.at FROM names JOIN tags ON name_id = id
            WHERE name = $1 AND digest IS NOT NULL ORDER BY tags.at DESC, tag LIMIT $2
            """, [.text(name.text), .int(Int64(limit))]
        ).compactMap(record)
    }

    static func history(
        of name: ContentName, tag: Tag?, before: Int64?, limit: Int, in connection: PostgresConnection
    ) throws(PostgresError) -> [TagEvent] {
        try connection.query(
            """
            SELECT e.id, tag, COALESCE(digest, (SELECT b.digest FROM events b
                    WHERE b.name_id = e.name_id AND b.tag = e.tag AND b.id < e.id AND b.digest IS NOT NULL
                    ORDER BY b.id DESC LIMIT 1)), (digest IS NULL)::int, who, address, at
            FROM names n JOIN events e ON name_id = n.id
            WHERE name = $1 AND ($2 IS NULL OR tag = $2) AND e.id < $3 ORDER BY e.id DESC LIMIT $4
            """, [.text(name.text), .text(tag?.text), .int(before ?? .max), .int(Int64(limit))]
        ).compactMap(event)
    }

    /// The tags of all names at or below a path.
    static func list(
        below path: String, after: Reference?, limit: Int, in connection: PostgresConnection
    ) throws(PostgresError) -> [Reference] {
        let range = PathRange(path, after: after)
        return try connection.query(
            """
            SELECT name, tag FROM names JOIN tags ON name_id = id
            WHERE name >= $1 AND name < $2 AND (name = $3 OR name >= $4) AND digest IS NOT NULL
                AND (name > $5 OR (name = $5 AND tag > $6))
            ORDER BY name, tag LIMIT $7
            """,
            [
                .text(range.first), .text(range.end), .text(range.path), .text(range.below), .text(range.afterName),
                .text(range.afterTag), .int(Int64(limit)),
            ]
        ).compactMap { row in
            guard let name = row.text(0).flatMap({ ContentName($0) }), let tag = row.text(1).flatMap({ Tag($0) })
            else { return nil }
            return Reference(name: name, version: .tag(tag))
        }
    }

    /// The tags of the name that are on a digest. Locks their rows until the transaction ends.
    static func lockNaming(
        _ digest: BlobDigest, _ id: Int64, in connection: PostgresConnection
    ) throws(PostgresError) -> [Tag] {
        try connection.query(
            "SELECT tag FROM tags WHERE name_id = $1 AND digest = $2 ORDER BY tag FOR UPDATE",
            [.int(id), .bytes(digest.stored)]
        ).compactMap { $0.text(0).flatMap { Tag($0) } }
    }

    private static func record(_ row: PostgresRow) -> TagRecord? {
        guard let tag = row.text(0).flatMap({ Tag($0) }), let digest = row.digest(1), let at = row.int(2) else {
            return nil
        }
        return TagRecord(tag: tag, digest: digest, at: at)
    }

    private static func event(_ row: PostgresRow) -> TagEvent? {
        guard let id = row.int(0), let tag = row.text(1).flatMap({ Tag($0) }), let isDeletion = row.int(3),
            let who = row.text(4), let address = row.text(5), let at = row.int(6)
        else { return nil }
        return TagEvent(
            id: id, tag: tag, digest: row.digest(2), isDeletion: isDeletion != 0,
            act: Act(who: who, address: address, at: at))
    }
}

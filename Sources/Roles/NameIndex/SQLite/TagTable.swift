import Database
import GRDB
import Registry

/// The tags of an index in SQLite, and their history.
enum TagTable {
    /// The digest that a tag has, and the last one that it had.
    struct State {
        var present: BlobDigest?
        var former: BlobDigest?
    }

    static func state(of tag: Tag, _ id: Int64, in connection: SQLConnection) throws -> State {
        let row = try connection.row("SELECT digest, former FROM tags WHERE name_id = ? AND tag = ?", [id, tag.text])
        return State(present: row?.digest(0), former: row?.digest(1))
    }

    /// Puts the tag on the digest without checking the rules, and adds an event to its history.
    static func set(_ tag: Tag, _ id: Int64, to digest: BlobDigest, by act: Act, in connection: SQLConnection) throws {
        try connection.run(
            """
            INSERT INTO tags (name_id, tag, digest, former, at) VALUES (?1, ?2, ?3, ?3, ?4)
            ON CONFLICT (name_id, tag) DO UPDATE SET digest = ?3, former = ?3, at = ?4
            """, [id, tag.text, SQLBytes(digest.stored), act.at])
        try record(tag, id, digest, act, in: connection)
    }

    static func clear(_ tag: Tag, _ id: Int64, by act: Act, in connection: SQLConnection) throws {
        try connection.run(
            "UPDATE tags SET digest = NULL, at = ? WHERE name_id = ? AND tag = ?", [act.at, id, tag.text])
        try record(tag, id, nil, act, in: connection)
    }

    private static func record(
        _ tag: Tag, _ id: Int64, _ digest: BlobDigest?, _ act: Act, in connection: SQLConnection
    ) throws {
        try connection.run(
            "INSERT INTO events (name_id, tag, digest, who, address, at) VALUES (?, ?, ?, ?, ?, ?)",
            [id, tag.text, digest.map { SQLBytes($0.stored) }, act.who, act.address, act.at])
    }

    static func record(of tag: Tag, of name: ContentName, in connection: SQLConnection) throws -> TagRecord? {
        try connection.row(
            """
            SELECT tag, digest, at FROM names JOIN tags ON name_id = id AND tag = ?
            WHERE name = ? AND digest IS NOT NULL
            """, [tag.text, name.text]
        ).flatMap(record)
    }

    static func list(
        below path: String, after: Reference?, limit: Int, in connection: SQLConnection
    ) throws -> [Reference] {
        let range = PathRange(path, after: after)
        return try connection.rows(
            """
            SELECT name, tag FROM names JOIN tags ON name_id = id
            WHERE name >= ?1 AND name < ?2 AND (name = ?3 OR name >= ?4) AND digest IS NOT NULL
                AND (name > ?5 OR (name = ?5 AND tag > ?6))
            ORDER BY name, tag LIMIT ?7
            """, [range.first, range.end, range.path, range.below, range.afterName, range.afterTag, limit]
        ).compactMap { row in
            guard let name = ContentName(row[0] as String), let tag = Tag(row[1] as String) else { return nil }
            return Reference(name: name, version: .tag(tag))
        }
    }

    static func list(_ id: Int64, after: Tag?, limit: Int, in connection: SQLConnection) throws -> [TagRecord] {
        try connection.rows(
            """
            SELECT tag, digest, at FROM tags WHERE name_id = ? AND tag > ? AND digest IS NOT NULL ORDER BY tag LIMIT ?
            """, [id, after?.text ?? "", limit]
        ).compactMap(record)
    }

    static func newest(_ id: Int64, limit: Int, in connection: SQLConnection) throws -> [TagRecord] {
        try connection.rows(
            """
            SELECT tag, digest, at FROM tags WHERE name_id = ? AND digest IS NOT NULL ORDER BY at DESC, tag LIMIT ?
            """, [id, limit]
        ).compactMap(record)
    }

    static func naming(_ digest: BlobDigest, _ id: Int64, in connection: SQLConnection) throws -> [Tag] {
        try connection.rows("SELECT tag FROM tags WHERE name_id = ? AND digest = ?", [id, SQLBytes(digest.stored)])
            .compactMap { Tag($0[0] as String) }
    }

    static func history(
        _ id: Int64, tag: Tag?, before: Int64?, limit: Int, in connection: SQLConnection
    ) throws -> [TagEvent] {
        let before = before ?? .max
        // Of a deletion, the digest of the change before it.
        let rows =
            if let tag {
                try connection.rows(
                    """
                    SELECT id, tag, COALESCE(digest, (SELECT b.digest FROM events b
                        WHERE b.name_id = e.name_id AND b.tag = e.tag AND b.id < e.id AND b.digest IS NOT NULL
                        ORDER BY b.id DESC LIMIT 1)), digest IS NULL, who, address, at
                    FROM events e WHERE name_id = ? AND tag = ? AND id < ? ORDER BY id DESC LIMIT ?
                    """, [id, tag.text, before, limit])
            } else {
                try connection.rows(
                    """
                    SELECT id, tag, COALESCE(digest, (SELECT b.digest FROM events b
                        WHERE b.name_id = e.name_id AND b.tag = e.tag AND b.id < e.id AND b.digest IS NOT NULL
                        ORDER BY b.id DESC LIMIT 1)), digest IS NULL, who, address, at
                    FROM events e WHERE name_id = ? AND id < ? ORDER BY id DESC LIMIT ?
                    """, [id, before, limit])
            }
        return rows.compactMap { row in
            guard let tag = Tag(row[1] as String) else { return nil }
            return TagEvent(
                id: row[0], tag: tag, digest: row.digest(2), isDeletion: row[3],
                act: Act(who: row[4], address: row[5], at: row[6]))
        }
    }

    private static func record(_ row: Row) -> TagRecord? {
        guard let tag = Tag(row[0] as String), let digest = row.digest(1) else { return nil }
        return TagRecord(tag: tag, digest: digest, at: row[2])
    }
}

extension Row {
    func digest(_ column: Int) -> BlobDigest? { (self[column] as SQLBytes?).flatMap { BlobDigest(stored: $0.bytes) } }
    func digests(_ column: Int) -> [BlobDigest] { BlobDigest.list(stored: (self[column] as SQLBytes?)?.bytes ?? []) }
}

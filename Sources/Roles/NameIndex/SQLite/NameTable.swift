import Database
import GRDB
import Registry

/// The names of an index in SQLite, each with an id.
enum NameTable {
    static func id(of name: ContentName, in connection: SQLConnection) throws -> Int64? {
        try connection.value("SELECT id FROM names WHERE name = ?", [name.text])
    }

    static func makeID(of name: ContentName, in connection: SQLConnection) throws -> Int64 {
        if let id = try id(of: name, in: connection) { return id }
        try connection.run("INSERT INTO names (name) VALUES (?)", [name.text])
        return connection.lastInsertedRowID
    }

    static func list(
        prefix: String, after: ContentName?, limit: Int, in connection: SQLConnection
    ) throws -> [ContentName] {
        // Names are ASCII and without the byte 0x7f, so each name with the prefix is less than the prefix followed by 0x7f.
        try connection.rows(
            """
            SELECT name FROM names n WHERE name >= ?1 AND name < ?2 AND name > ?3
                AND (EXISTS (SELECT 1 FROM tags WHERE name_id = n.id AND digest IS NOT NULL)
                    OR EXISTS (SELECT 1 FROM manifests WHERE name_id = n.id)
                    OR EXISTS (SELECT 1 FROM blobs WHERE name_id = n.id))
            ORDER BY name LIMIT ?4
            """, [prefix, prefix + "\u{7f}", after?.text ?? "", limit]
        ).compactMap { ContentName($0[0] as String) }
    }

    static func having(_ digest: BlobDigest, limit: Int, in connection: SQLConnection) throws -> [ContentName] {
        try connection.rows(
            "SELECT name FROM blobs JOIN names ON id = name_id WHERE digest = ? ORDER BY name LIMIT ?",
            [SQLBytes(digest.stored), limit]
        ).compactMap { ContentName($0[0] as String) }
    }
}

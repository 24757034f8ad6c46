import Database
import GRDB
import Registry

/// Garbage collection of an index in SQLite.
enum CollectionTable {
    /// The manifests and blobs that can be taken from a name.
    struct Garbage {
        var manifests: [BlobDigest] = []
        var blobs: [BlobDigest] = []
        var isEmpty: Bool { manifests.isEmpty && blobs.isEmpty }
    }

    static func ids(in connection: SQLConnection) throws -> [Int64] {
        try connection.rows("SELECT id FROM names ORDER BY id").map { $0[0] }
    }

    /// The manifests and blobs that the tags of the name reach.
    static func reached(_ id: Int64, in connection: SQLConnection) throws -> Set<BlobDigest> {
        Reach.from(try tagged(id, in: connection), over: try nodes(id, in: connection))
    }

    /// The manifests and blobs that were not touched since the cutoff, and that neither a tag nor a manifest touched since
    /// then reaches.
    static func garbage(_ id: Int64, untouchedSince cutoff: Int64, in connection: SQLConnection) throws -> Garbage {
        var roots = try tagged(id, in: connection)
        roots += try connection.rows("SELECT digest FROM manifests WHERE name_id = ? AND touched >= ?", [id, cutoff])
            .compactMap { $0.digest(0) }
        let reached = Reach.from(roots, over: try nodes(id, in: connection))
        var garbage = Garbage()
        try connection.each("SELECT digest FROM manifests WHERE name_id = ? AND touched < ?", [id, cutoff]) { row in
            if let digest = row.digest(0), !reached.contains(digest) { garbage.manifests.append(digest) }
        }
        try connection.each("SELECT digest FROM blobs WHERE name_id = ? AND touched < ?", [id, cutoff]) { row in
            if let digest = row.digest(0), !reached.contains(digest) { garbage.blobs.append(digest) }
        }
        return garbage
    }

    static func delete(_ garbage: Garbage, _ id: Int64, in connection: SQLConnection) throws -> Collected {
        var collected = Collected()
        for digest in garbage.manifests where try ManifestTable.delete(digest, id, in: connection) {
            collected.manifests += 1
        }
        for digest in garbage.blobs where try BlobTable.unlink(digest, id, in: connection) { collected.links += 1 }
        return collected
    }

    private static func tagged(_ id: Int64, in connection: SQLConnection) throws -> [BlobDigest] {
        try connection.rows("SELECT digest FROM tags WHERE name_id = ? AND digest IS NOT NULL", [id])
            .compactMap { $0.digest(0) }
    }

    private static func nodes(_ id: Int64, in connection: SQLConnection) throws -> [Reach.Node] {
        var nodes: [Reach.Node] = []
        try connection.each("SELECT digest, subject, refs FROM manifests WHERE name_id = ?", [id]) { row in
            guard let digest = row.digest(0) else { return }
            nodes.append(Reach.Node(digest: digest, references: row.digests(2), subject: row.digest(1)))
        }
        return nodes
    }

    /// When the last collection began, in milliseconds since 1970; nil for never.
    static func last(in connection: SQLConnection) throws -> Int64? {
        let text: String? = try connection.value("SELECT value FROM settings WHERE key = 'collected'")
        return text.flatMap { Int64($0) }
    }

    static func setLast(_ time: Int64, in connection: SQLConnection) throws {
        try connection.run(
            "INSERT INTO settings VALUES ('collected', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1", ["\(time)"])
    }
}

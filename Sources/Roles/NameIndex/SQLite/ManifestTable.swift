import Database
import GRDB
import Registry

/// The manifests of an index in SQLite.
enum ManifestTable {
    static func has(_ digest: BlobDigest, _ id: Int64, in connection: SQLConnection) throws -> Bool {
        try connection.row(
            "SELECT 1 FROM manifests WHERE name_id = ? AND digest = ?", [id, SQLBytes(digest.stored)]) != nil
    }

    static func find(_ digest: BlobDigest, _ name: ContentName, in connection: SQLConnection) throws -> StoredManifest?
    {
        try connection.row(
            """
            SELECT m.digest, media_type, artifact_type, subject, bytes
            FROM names n JOIN manifests m ON m.name_id = n.id AND m.digest = ? WHERE n.name = ?
            """, [SQLBytes(digest.stored), name.text]
        ).flatMap(manifest)
    }

    static func store(_ manifest: Manifest, _ id: Int64, at: Int64, in connection: SQLConnection) throws {
        try connection.run(
            """
            INSERT INTO manifests (name_id, digest, media_type, artifact_type, subject, touched, refs, bytes)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (name_id, digest) DO UPDATE SET touched = max(touched, excluded.touched)
            """,
            [
                id, SQLBytes(manifest.digest.stored), manifest.mediaType, manifest.artifactType,
                manifest.subject.map { SQLBytes($0.digest.stored) }, at, SQLBytes(BlobDigest.store(manifest.needs)),
                SQLBytes(manifest.bytes),
            ])
    }

    static func delete(_ digest: BlobDigest, _ id: Int64, in connection: SQLConnection) throws -> Bool {
        try connection.run("DELETE FROM manifests WHERE name_id = ? AND digest = ?", [id, SQLBytes(digest.stored)]) > 0
    }

    static func referrers(
        of subject: BlobDigest, _ id: Int64, artifactType: String?, after: BlobDigest?, limit: Int,
        in connection: SQLConnection
    ) throws -> [StoredManifest] {
        try connection.rows(
            """
            SELECT digest, media_type, artifact_type, subject, bytes FROM manifests
            WHERE name_id = ?1 AND subject = ?2 AND digest > ?3 AND (?4 IS NULL OR artifact_type = ?4)
            ORDER BY digest LIMIT ?5
            """,
            [id, SQLBytes(subject.stored), SQLBytes(after?.stored ?? []), artifactType, limit]
        ).compactMap(manifest)
    }

    static func touch(_ digest: BlobDigest, _ id: Int64, at: Int64, in connection: SQLConnection) throws {
        try connection.run(
            "UPDATE manifests SET touched = ?3 WHERE name_id = ?1 AND digest = ?2 AND touched < ?4",
            [id, SQLBytes(digest.stored), at, at - touchInterval])
    }

    private static func manifest(_ row: Row) -> StoredManifest? {
        guard let digest = row.digest(0) else { return nil }
        return StoredManifest(
            digest: digest, mediaType: row[1], artifactType: row[2], subject: row.digest(3),
            bytes: (row[4] as SQLBytes).bytes)
    }
}

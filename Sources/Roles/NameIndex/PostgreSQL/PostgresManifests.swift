import Postgres
import Registry

/// The manifests of an index in PostgreSQL.
enum PostgresManifests {
    static func has(
        _ digest: BlobDigest, _ id: Int64, in connection: PostgresConnection
    ) throws(PostgresError) -> Bool {
        try !connection.query(
            "SELECT 1 FROM manifests WHERE name_id = $1 AND digest = $2", [.int(id), .bytes(digest.stored)]
        ).isEmpty
    }

    static func find(
        _ digest: BlobDigest, _ name: ContentName, in connection: PostgresConnection
    ) throws(PostgresError) -> StoredManifest? {
        try connection.query(
            """
            SELECT m.digest, media_type, artifact_type, subject, bytes
            FROM names n JOIN manifests m ON m.name_id = n.id AND m.digest = $1 WHERE n.name = $2
            """, [.bytes(digest.stored), .text(name.text)]
        ).first.flatMap(manifest)
    }

    static func store(
        _ manifest: Manifest, _ id: Int64, at: Int64, in connection: PostgresConnection
    ) throws(PostgresError) {
        try connection.query(
            """
            INSERT INTO manifests (name_id, digest, media_type, artifact_type, subject, touched, refs, bytes)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (name_id, digest) DO UPDATE SET touched = greatest(manifests.touched, excluded.touched)
            """,
            [
                .int(id), .bytes(manifest.digest.stored), .text(manifest.mediaType), .text(manifest.artifactType),
                .bytes(manifest.subject?.digest.stored), .int(at), .bytes(BlobDigest.store(manifest.needs)),
                .bytes(manifest.bytes),
            ])
    }

    static func delete(
        _ digest: BlobDigest, _ id: Int64, in connection: PostgresConnection
    ) throws(PostgresError) -> Bool {
        try !connection.query(
            "DELETE FROM manifests WHERE name_id = $1 AND digest = $2 RETURNING 1", [.int(id), .bytes(digest.stored)]
        ).isEmpty
    }

    /// Manifests of the name whose `subject` is this digest, in order of their digests.
    static func referrers(
        of subject: BlobDigest, under name: ContentName, artifactType: String?, after: BlobDigest?, limit: Int,
        in connection: PostgresConnection
    ) throws(PostgresError) -> [StoredManifest] {
        try connection.query(
            """
            SELECT digest, media_type, artifact_type, subject, bytes FROM names n JOIN manifests ON name_id = n.id
            WHERE name = $1 AND subject = $2 AND digest > $3 AND ($4 IS NULL OR artifact_type = $4)
            ORDER BY digest LIMIT $5
            """,
            [
                .text(name.text), .bytes(subject.stored), .bytes(after?.stored ?? []), .text(artifactType),
                .int(Int64(limit)),
            ]
        ).compactMap(manifest)
    }

    private static func manifest(_ row: PostgresRow) -> StoredManifest? {
        guard let digest = row.digest(0), let mediaType = row.text(1), let bytes = row.bytes(4) else { return nil }
        return StoredManifest(
            digest: digest, mediaType: mediaType, artifactType: row.text(2), subject: row.digest(3), bytes: bytes)
    }
}

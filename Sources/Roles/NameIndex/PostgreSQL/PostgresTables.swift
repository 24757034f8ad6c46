import Postgres
import Registry

extension PostgresRow {
    func digest(_ column: Int) -> BlobDigest? { bytes(column).flatMap { BlobDigest(stored: $0) } }
    func digests(_ column: Int) -> [BlobDigest] { BlobDigest.list(stored: bytes(column) ?? []) }
}

/// The names of an index in PostgreSQL, each with a number.
enum PostgresNames {
    static func id(of name: ContentName, in connection: PostgresConnection) throws(PostgresError) -> Int64? {
        try connection.query("SELECT id FROM names WHERE name = $1", [.text(name.text)]).first?.int(0)
    }

    static func makeID(of name: ContentName, in connection: PostgresConnection) throws(PostgresError) -> Int64 {
        if let id = try id(of: name, in: connection) { return id }
        // Waits for whoever makes it at the same time.
        try connection.query("INSERT INTO names (name) VALUES ($1) ON CONFLICT DO NOTHING", [.text(name.text)])
        guard let id = try id(of: name, in: connection) else { throw .conflict("a name went while it was made") }
        return id
    }

    /// Until the transaction ends, nothing of the name is taken away by another.
    static func share(_ id: Int64, in connection: PostgresConnection) throws(PostgresError) {
        try connection.query("SELECT pg_advisory_xact_lock_shared($1)", [.int(PostgresSchema.lock &+ id)])
    }

    /// Until the transaction ends, nothing of the name is put or taken away by another.
    static func exclude(_ id: Int64, in connection: PostgresConnection) throws(PostgresError) {
        try connection.query("SELECT pg_advisory_xact_lock($1)", [.int(PostgresSchema.lock &+ id)])
    }
}

/// The tags of an index in PostgreSQL, and their history.
enum PostgresTags {
    struct State {
        var present: BlobDigest?
        var former: BlobDigest?
    }

    /// What a tag names and last named. Nobody else changes it until the transaction ends.
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

    /// - Parameter digest: nil to delete it.
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

    static func record(_ row: PostgresRow) -> TagRecord? {
        guard let tag = row.text(0).flatMap({ Tag($0) }), let digest = row.digest(1), let at = row.int(2) else {
            return nil
        }
        return TagRecord(tag: tag, digest: digest, at: at)
    }

    static func event(_ row: PostgresRow) -> TagEvent? {
        guard let id = row.int(0), let tag = row.text(1).flatMap({ Tag($0) }), let who = row.text(3),
            let address = row.text(4), let at = row.int(5)
        else { return nil }
        return TagEvent(id: id, tag: tag, digest: row.digest(2), act: Act(who: who, address: address, at: at))
    }
}

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

    static func manifest(_ row: PostgresRow) -> StoredManifest? {
        guard let digest = row.digest(0), let mediaType = row.text(1), let bytes = row.bytes(4) else { return nil }
        return StoredManifest(
            digest: digest, mediaType: mediaType, artifactType: row.text(2), subject: row.digest(3), bytes: bytes)
    }
}

/// Lists of digests as one parameter each: 32 bytes a digest.
enum PostgresDigests {
    /// Those of the list that the name has as blobs.
    static func linked(
        _ digests: [BlobDigest], _ id: Int64, in connection: PostgresConnection
    ) throws(PostgresError) -> Set<BlobDigest> {
        set(
            try connection.query(
                """
                SELECT d.digest FROM (SELECT DISTINCT substring($2 FROM i * 32 + 1 FOR 32) AS digest
                    FROM generate_series(0, length($2) / 32 - 1) i) d
                JOIN blobs b ON b.name_id = $1 AND b.digest = d.digest
                """, [.int(id), .bytes(BlobDigest.store(digests))]))
    }

    static func manifests(
        _ digests: [BlobDigest], _ id: Int64, in connection: PostgresConnection
    ) throws(PostgresError) -> Set<BlobDigest> {
        set(
            try connection.query(
                """
                SELECT d.digest FROM (SELECT DISTINCT substring($2 FROM i * 32 + 1 FOR 32) AS digest
                    FROM generate_series(0, length($2) / 32 - 1) i) d
                JOIN manifests m ON m.name_id = $1 AND m.digest = d.digest
                """, [.int(id), .bytes(BlobDigest.store(digests))]))
    }

    static func held(
        _ digests: [BlobDigest], in connection: PostgresConnection
    ) throws(PostgresError) -> Set<BlobDigest> {
        set(
            try connection.query(
                """
                SELECT d.digest FROM (SELECT DISTINCT substring($1 FROM i * 32 + 1 FOR 32) AS digest
                    FROM generate_series(0, length($1) / 32 - 1) i) d
                WHERE EXISTS (SELECT 1 FROM blobs b WHERE b.digest = d.digest)
                    OR EXISTS (SELECT 1 FROM manifests m WHERE m.digest = d.digest)
                """, [.bytes(BlobDigest.store(digests))]))
    }

    static func link(
        _ digests: [BlobDigest], _ id: Int64, at: Int64, in connection: PostgresConnection
    ) throws(PostgresError) {
        // In order, so that two transactions do not wait for each other.
        try connection.query(
            """
            INSERT INTO blobs (name_id, digest, touched)
            SELECT $1, d.digest, $3 FROM (SELECT DISTINCT substring($2 FROM i * 32 + 1 FOR 32) AS digest
                FROM generate_series(0, length($2) / 32 - 1) i) d ORDER BY d.digest
            ON CONFLICT (name_id, digest) DO UPDATE SET touched = $3 WHERE blobs.touched < $4
            """, [.int(id), .bytes(BlobDigest.store(digests)), .int(at), .int(at - touchInterval)])
    }

    /// Blobs and manifests of the name.
    static func touch(
        _ digests: [BlobDigest], _ id: Int64, at: Int64, in connection: PostgresConnection
    ) throws(PostgresError) {
        let values: [PostgresValue] = [
            .int(id), .bytes(BlobDigest.store(digests)), .int(at), .int(at - touchInterval),
        ]
        try connection.query(
            """
            UPDATE blobs SET touched = $3 WHERE name_id = $1 AND touched < $4 AND digest IN (
                SELECT substring($2 FROM i * 32 + 1 FOR 32) FROM generate_series(0, length($2) / 32 - 1) i)
            """, values)
        try connection.query(
            """
            UPDATE manifests SET touched = $3 WHERE name_id = $1 AND touched < $4 AND digest IN (
                SELECT substring($2 FROM i * 32 + 1 FOR 32) FROM generate_series(0, length($2) / 32 - 1) i)
            """, values)
    }

    private static func set(_ rows: [PostgresRow]) -> Set<BlobDigest> { Set(rows.compactMap { $0.digest(0) }) }
}

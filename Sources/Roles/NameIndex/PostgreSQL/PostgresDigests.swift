import Postgres
import Registry

extension PostgresRow {
    func digest(_ column: Int) -> BlobDigest? { bytes(column).flatMap { BlobDigest(stored: $0) } }
    func digests(_ column: Int) -> [BlobDigest] { BlobDigest.list(stored: bytes(column) ?? []) }
}

/// Queries with lists of digests. A list is one parameter, with 32 bytes for each digest.
enum PostgresDigests {
    /// The digests of the list that the name has as blobs.
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
        // Rows are inserted in order of their digests, so that two transactions cannot deadlock.
        try connection.query(
            """
            INSERT INTO blobs (name_id, digest, touched)
            SELECT $1, d.digest, $3 FROM (SELECT DISTINCT substring($2 FROM i * 32 + 1 FOR 32) AS digest
                FROM generate_series(0, length($2) / 32 - 1) i) d ORDER BY d.digest
            ON CONFLICT (name_id, digest) DO UPDATE SET touched = $3 WHERE blobs.touched < $4
            """, [.int(id), .bytes(BlobDigest.store(digests)), .int(at), .int(at - touchInterval)])
    }

    /// Marks blobs and manifests of the name as used.
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

    /// Takes a blob from the name; false if the name does not have it.
    static func unlink(
        _ digest: BlobDigest, _ id: Int64, in connection: PostgresConnection
    ) throws(PostgresError) -> Bool {
        try !connection.query(
            "DELETE FROM blobs WHERE name_id = $1 AND digest = $2 RETURNING 1", [.int(id), .bytes(digest.stored)]
        ).isEmpty
    }

    private static func set(_ rows: [PostgresRow]) -> Set<BlobDigest> { Set(rows.compactMap { $0.digest(0) }) }
}

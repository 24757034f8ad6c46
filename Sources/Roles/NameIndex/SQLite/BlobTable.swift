import Database
import GRDB
import Registry

/// The blobs of each name of an index in SQLite.
enum BlobTable {
    static func has(_ digest: BlobDigest, _ id: Int64, in connection: SQLConnection) throws -> Bool {
        try connection.row(
            "SELECT 1 FROM blobs WHERE name_id = ? AND digest = ?", [id, SQLBytes(digest.stored)]) != nil
    }

    static func link(_ digest: BlobDigest, _ id: Int64, at: Int64, in connection: SQLConnection) throws {
        try connection.run(
            """
            INSERT INTO blobs (name_id, digest, touched) VALUES (?1, ?2, ?3)
            ON CONFLICT (name_id, digest) DO UPDATE SET touched = ?3 WHERE touched < ?4
            """, [id, SQLBytes(digest.stored), at, at - touchInterval])
    }

    static func unlink(_ digest: BlobDigest, _ id: Int64, in connection: SQLConnection) throws -> Bool {
        try connection.run("DELETE FROM blobs WHERE name_id = ? AND digest = ?", [id, SQLBytes(digest.stored)]) > 0
    }

    static func touch(_ digest: BlobDigest, _ id: Int64, at: Int64, in connection: SQLConnection) throws {
        try connection.run(
            "UPDATE blobs SET touched = ?3 WHERE name_id = ?1 AND digest = ?2 AND touched < ?4",
            [id, SQLBytes(digest.stored), at, at - touchInterval])
    }

    /// Whether any name has the digest, as a blob or as a manifest.
    static func isHeld(_ digest: BlobDigest, in connection: SQLConnection) throws -> Bool {
        try connection.row(
            """
            SELECT 1 WHERE EXISTS (SELECT 1 FROM blobs WHERE digest = ?1)
                OR EXISTS (SELECT 1 FROM manifests WHERE digest = ?1)
            """, [SQLBytes(digest.stored)]) != nil
    }

    /// Whether a touch would change the row of a blob or a manifest.
    static func isStale(_ digest: BlobDigest, _ id: Int64, at: Int64, in connection: SQLConnection) throws -> Bool {
        try connection.row(
            """
            SELECT 1 WHERE EXISTS (SELECT 1 FROM blobs WHERE name_id = ?1 AND digest = ?2 AND touched < ?3)
                OR EXISTS (SELECT 1 FROM manifests WHERE name_id = ?1 AND digest = ?2 AND touched < ?3)
            """, [id, SQLBytes(digest.stored), at - touchInterval]) != nil
    }
}

import Foundation
import GRDB
import Hashing
import Registry

// What the transactions of the SQLite store are made of.

extension Database {
    func digest(of tag: Tag, in name: ContentName) throws -> BlobDigest? {
        try Data.fetchOne(
            self, sql: "SELECT digest FROM tag WHERE name = ? AND tag = ?", arguments: [name.text, tag.text]
        ).flatMap(BlobDigest.init(data:))
    }

    /// What a tag named before it was deleted.
    func formerDigest(of tag: Tag, in name: ContentName) throws -> BlobDigest? {
        try Data.fetchOne(
            self,
            sql: """
                SELECT digest FROM history WHERE name = ? AND tag = ? AND digest IS NOT NULL ORDER BY id DESC LIMIT 1
                """, arguments: [name.text, tag.text]
        ).flatMap(BlobDigest.init(data:))
    }

    func isLinked(_ digest: BlobDigest, to name: ContentName) throws -> Bool {
        try Bool.fetchOne(
            self, sql: "SELECT EXISTS (SELECT 1 FROM link WHERE name = ? AND digest = ?)",
            arguments: [name.text, digest.data]) ?? false
    }

    func link(_ digest: BlobDigest, to name: ContentName, isManifest: Bool) throws {
        // A digest may be linked as both, by somebody who pushed a manifest as a blob: then it is a manifest.
        try execute(
            sql: """
                INSERT INTO link (name, digest, isManifest) VALUES (?, ?, ?)
                ON CONFLICT DO UPDATE SET isManifest = max(isManifest, excluded.isManifest)
                """, arguments: [name.text, digest.data, isManifest])
    }

    /// - Returns: whether the name did not have it.
    func store(_ manifest: Manifest, in name: ContentName) throws -> Bool {
        let isNew =
            try Bool.fetchOne(
                self, sql: "SELECT NOT EXISTS (SELECT 1 FROM link WHERE name = ? AND digest = ? AND isManifest)",
                arguments: [name.text, manifest.digest.data]) ?? true
        guard isNew else { return false }
        try execute(
            sql: "INSERT OR IGNORE INTO manifest (digest, type, bytes) VALUES (?, ?, ?)",
            arguments: [manifest.digest.data, manifest.mediaType, Data(manifest.bytes)])
        try link(manifest.digest, to: name, isManifest: true)
        if let subject = manifest.subject {
            try execute(
                sql: "INSERT OR IGNORE INTO referrer (name, subject, digest) VALUES (?, ?, ?)",
                arguments: [name.text, subject.digest.data, manifest.digest.data])
        }
        return true
    }

    func remove(_ tag: Tag, in name: ContentName, by author: Author, at: Double) throws -> Bool {
        try execute(sql: "DELETE FROM tag WHERE name = ? AND tag = ?", arguments: [name.text, tag.text])
        guard changesCount > 0 else { return false }
        try note(tag, in: name, nil, by: author, at: at)
        return true
    }

    func note(_ tag: Tag, in name: ContentName, _ digest: BlobDigest?, by author: Author, at: Double) throws {
        try execute(
            sql: "INSERT INTO history (name, tag, digest, at, author, address) VALUES (?, ?, ?, ?, ?, ?)",
            arguments: [name.text, tag.text, digest?.data, at, author.name, author.address])
    }
}

extension BlobDigest {
    /// As the database has it.
    var data: Data { Data(sha256.bytes) }

    init?(data: Data) {
        guard let digest = SHA256Digest(bytes: data) else { return nil }
        self.init(digest)
    }
}

import Database
import Foundation
import GRDB
import Registry

/// Names, tags and manifests in an SQLite database.
package final class SQLiteTagStore: TagStore {
    private let database: SQLiteDatabase
    private let rules: TagRules

    /// Digests are the 32 bytes. A name's link says that it has a blob or manifest of that digest; a manifest's bytes are
    /// stored once for all names.
    private static let migrations = [
        SQLiteDatabase.Migration(
            "1",
            sql: """
                CREATE TABLE manifest (digest BLOB PRIMARY KEY, type TEXT NOT NULL, bytes BLOB NOT NULL);
                CREATE TABLE link (name TEXT NOT NULL, digest BLOB NOT NULL, isManifest INTEGER NOT NULL,
                    PRIMARY KEY (name, digest)) WITHOUT ROWID;
                CREATE TABLE referrer (name TEXT NOT NULL, subject BLOB NOT NULL, digest BLOB NOT NULL,
                    PRIMARY KEY (name, subject, digest)) WITHOUT ROWID;
                CREATE TABLE tag (name TEXT NOT NULL, tag TEXT NOT NULL, digest BLOB NOT NULL, at REAL NOT NULL,
                    PRIMARY KEY (name, tag)) WITHOUT ROWID;
                CREATE INDEX tagOfDigest ON tag (digest);
                CREATE TABLE history (id INTEGER PRIMARY KEY, name TEXT NOT NULL, tag TEXT NOT NULL, digest BLOB,
                    at REAL NOT NULL, author TEXT NOT NULL, address TEXT NOT NULL);
                CREATE INDEX historyOfTag ON history (name, tag, id);
                CREATE INDEX historyOfName ON history (name, id);
                """)
    ]

    /// Opens the store. Blocks.
    package init(path: String, rules: TagRules) throws(DatabaseProblem) {
        database = try SQLiteDatabase(path: path, migrations: Self.migrations)
        self.rules = rules
    }

    private func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreProblem) -> Value {
        do { return try await database.read(body) } catch { throw Self.problem(error) }
    }

    private func write<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreProblem) -> Value {
        do { return try await database.write(body) } catch { throw Self.problem(error) }
    }

    private static func problem(_ problem: DatabaseProblem) -> StoreProblem {
        problem.isDisk ? .disk(problem.description) : .unavailable(problem.description)
    }

    // MARK: Reading

    package func digest(of tag: Tag, in name: ContentName) async throws(StoreProblem) -> BlobDigest? {
        try await read { try $0.digest(of: tag, in: name) }
    }

    package func manifest(_ digest: BlobDigest, in name: ContentName) async throws(StoreProblem) -> Manifest? {
        try await read { database in
            try Row.fetchOne(
                database,
                sql: """
                    SELECT type, bytes FROM manifest JOIN link USING (digest)
                    WHERE link.name = ? AND link.digest = ? AND isManifest
                    """, arguments: [name.text, digest.data]
            ).flatMap(Self.manifest)
        }
    }

    private static func manifest(_ row: Row) -> Manifest? {
        let (type, bytes): (String, Data) = (row["type"], row["bytes"])
        return try? Manifest(Array(bytes), type: type)
    }

    package func tags(of name: ContentName, after: String?, limit: Int) async throws(StoreProblem) -> [TagEntry]? {
        try await read { database in
            let tags = try Row.fetchAll(
                database, sql: "SELECT tag, digest, at FROM tag WHERE name = ? AND tag > ? ORDER BY tag LIMIT ?",
                arguments: [name.text, after ?? "", limit]
            ).compactMap { row -> TagEntry? in
                guard let tag = Tag(row["tag"] as String), let digest = BlobDigest(data: row["digest"]) else {
                    return nil
                }
                return TagEntry(tag: tag, digest: digest, at: row["at"])
            }
            let isKnown =
                try !tags.isEmpty
                || Bool.fetchOne(
                    database,
                    sql:
                        "SELECT EXISTS (SELECT 1 FROM tag WHERE name = ?) OR EXISTS (SELECT 1 FROM link WHERE name = ?)",
                    arguments: [name.text, name.text]) ?? false
            return isKnown ? tags : nil
        }
    }

    package func names(after: String?, limit: Int) async throws(StoreProblem) -> [ContentName] {
        try await read { database in
            try String.fetchAll(
                database, sql: "SELECT DISTINCT name FROM link WHERE name > ? ORDER BY name LIMIT ?",
                arguments: [after ?? "", limit]
            ).compactMap { ContentName($0) }
        }
    }

    package func history(of tag: Tag?, in name: ContentName, limit: Int) async throws(StoreProblem) -> [TagChange] {
        try await read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT tag, digest, at, author, address FROM history WHERE name = ? \(tag == nil ? "" : "AND tag = ?")
                    ORDER BY id DESC LIMIT ?
                    """, arguments: [name.text] + (tag.map { [$0.text] } ?? []) + [limit]
            ).compactMap { row in
                guard let tag = Tag(row["tag"] as String) else { return nil }
                return TagChange(
                    tag: tag, digest: (row["digest"] as Data?).flatMap(BlobDigest.init(data:)), at: row["at"],
                    author: Author(name: row["author"], address: row["address"]))
            }
        }
    }

    package func newestTag(of name: ContentName) async throws(StoreProblem) -> Tag? {
        try await read { database in
            try String.fetchOne(
                database,
                sql: """
                    SELECT history.tag FROM history JOIN tag USING (name, tag) WHERE history.name = ?
                    ORDER BY history.id DESC LIMIT 1
                    """, arguments: [name.text]
            ).flatMap { Tag($0) }
        }
    }

    package func referrers(to digest: BlobDigest, in name: ContentName) async throws(StoreProblem) -> [Manifest] {
        try await read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT type, bytes FROM manifest JOIN referrer USING (digest)
                    WHERE referrer.name = ? AND referrer.subject = ? ORDER BY digest LIMIT 10000
                    """, arguments: [name.text, digest.data]
            ).compactMap(Self.manifest)
        }
    }

    package func hasBlob(_ digest: BlobDigest, in name: ContentName) async throws(StoreProblem) -> Bool {
        try await read { try $0.isLinked(digest, to: name) }
    }

    // MARK: Changing

    package func put(
        _ tags: [Tag], digest: BlobDigest, manifest: Manifest?, in name: ContentName, expected: BlobDigest?,
        by author: Author, at: Double
    ) async throws(StoreProblem) -> PutOutcome {
        let rules = rules
        return try await write { database in
            var moving: [Tag] = []
            for tag in tags {
                let present = try database.digest(of: tag, in: name)
                let former = present == nil ? try database.formerDigest(of: tag, in: name) : nil
                switch rules.decide(name, tag, digest, present: present, former: former, expected: expected) {
                case .same: continue
                case .put: moving.append(tag)
                case .taken(let other): return .taken(tag, other)
                case .moved(let other): return .moved(tag, other)
                }
            }
            let isNew = try manifest.map { try database.store($0, in: name) } ?? false
            for tag in moving {
                try database.execute(
                    sql: "INSERT OR REPLACE INTO tag (name, tag, digest, at) VALUES (?, ?, ?, ?)",
                    arguments: [name.text, tag.text, digest.data, at])
                try database.note(tag, in: name, digest, by: author, at: at)
            }
            return moving.isEmpty && !isNew ? .same : .put
        }
    }

    package func removeTag(
        _ tag: Tag, in name: ContentName, by author: Author, at: Double
    ) async throws(StoreProblem) -> Bool {
        try await write { try $0.remove(tag, in: name, by: author, at: at) }
    }

    package func removeManifest(
        _ digest: BlobDigest, in name: ContentName, by author: Author, at: Double
    ) async throws(StoreProblem) -> Bool {
        try await write { database in
            let tags = try String.fetchAll(
                database, sql: "SELECT tag FROM tag WHERE name = ? AND digest = ?",
                arguments: [name.text, digest.data])
            for tag in tags.compactMap({ Tag($0) }) { _ = try database.remove(tag, in: name, by: author, at: at) }
            try database.execute(
                sql: "DELETE FROM referrer WHERE name = ? AND digest = ?", arguments: [name.text, digest.data])
            try database.execute(
                sql: "DELETE FROM link WHERE name = ? AND digest = ? AND isManifest",
                arguments: [name.text, digest.data])
            let isGone = database.changesCount > 0
            try database.execute(
                sql: "DELETE FROM manifest WHERE digest = ? AND NOT EXISTS (SELECT 1 FROM link WHERE digest = ?)",
                arguments: [digest.data, digest.data])
            return isGone
        }
    }

    package func addBlob(_ digest: BlobDigest, to name: ContentName) async throws(StoreProblem) {
        if try await hasBlob(digest, in: name) { return }
        try await write { try $0.link(digest, to: name, isManifest: false) }
    }

    package func removeBlob(_ digest: BlobDigest, from name: ContentName) async throws(StoreProblem) -> Bool {
        try await write { database in
            try database.execute(
                sql: "DELETE FROM link WHERE name = ? AND digest = ? AND NOT isManifest",
                arguments: [name.text, digest.data])
            return database.changesCount > 0
        }
    }
}

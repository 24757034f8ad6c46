import Database
import GRDB
import Registry

/// The tables of the first version of `swoop up`, and their conversion: such an index keeps its tags, their history,
/// manifests and blobs.
package enum EarlierSchema {
    package static let migration = Migration(
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

    /// Copies everything into the present tables, and drops the old ones.
    static func convert(_ connection: SQLConnection) throws {
        try connection.execute(
            sql: """
                INSERT INTO names (name)
                    SELECT name FROM link UNION SELECT name FROM tag UNION SELECT name FROM history ORDER BY name;
                INSERT INTO blobs (name_id, digest, touched)
                    SELECT n.id, digest, CAST(strftime('%s', 'now') AS INTEGER) * 1000
                    FROM link JOIN names n USING (name) WHERE NOT isManifest;
                INSERT INTO tags (name_id, tag, digest, former, at)
                    SELECT n.id, tag, digest, digest, CAST(at * 1000 AS INTEGER) FROM tag JOIN names n USING (name);
                -- Deleted ones: what they named last is the last digest of their history.
                INSERT OR IGNORE INTO tags (name_id, tag, digest, former, at)
                    SELECT n.id, tag, NULL, digest, CAST(at * 1000 AS INTEGER)
                    FROM (SELECT name, tag, digest, at, max(id) FROM history WHERE digest IS NOT NULL GROUP BY name, tag)
                    JOIN names n USING (name);
                INSERT INTO events (id, name_id, tag, digest, who, address, at)
                    SELECT h.id, n.id, tag, digest, author, address, CAST(at * 1000 AS INTEGER)
                    FROM history h JOIN names n USING (name) ORDER BY h.id;
                """)
        try connection.each(
            """
            SELECT n.id, m.type, m.bytes, CAST(strftime('%s', 'now') AS INTEGER) * 1000
            FROM link l JOIN names n USING (name) JOIN manifest m ON m.digest = l.digest WHERE l.isManifest
            """
        ) { row in
            guard let manifest = try? Manifest((row[2] as SQLBytes).bytes, type: row[1]) else { return }
            try ManifestTable.store(manifest, row[0], at: row[3], in: connection)
        }
        for table in ["manifest", "link", "referrer", "tag", "history"] {
            try connection.execute(sql: "DROP TABLE \(table)")
        }
    }
}

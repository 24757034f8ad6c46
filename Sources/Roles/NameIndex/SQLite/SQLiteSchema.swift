import Database

/// The tables of an index in SQLite. Digests are 32 bytes, times milliseconds since 1970.
enum SQLiteSchema {
    static let migrations = [
        EarlierSchema.migration,
        Migration("names") { connection in
            try connection.execute(sql: tables)
            try EarlierSchema.convert(connection)
        },
        ReplicationTable.schema,
    ]

    private static let tables = """
        CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
        -- A tag that was deleted stays, without a digest: an immutable one comes back with its old digest only.
        CREATE TABLE tags (
            name_id INTEGER NOT NULL, tag TEXT NOT NULL, digest BLOB, former BLOB, at INTEGER NOT NULL,
            PRIMARY KEY (name_id, tag)
        ) WITHOUT ROWID;
        CREATE INDEX tags_by_time ON tags (name_id, at);
        CREATE INDEX tags_by_digest ON tags (name_id, digest) WHERE digest IS NOT NULL;
        CREATE TABLE events (
            id INTEGER PRIMARY KEY AUTOINCREMENT, name_id INTEGER NOT NULL, tag TEXT NOT NULL, digest BLOB,
            who TEXT NOT NULL, address TEXT NOT NULL, at INTEGER NOT NULL
        );
        CREATE INDEX events_by_tag ON events (name_id, tag, id);
        CREATE INDEX events_by_name ON events (name_id, id);
        -- What a manifest needs stands in refs, a digest after the other. The bytes come last, so that what is before them is
        -- read without them.
        CREATE TABLE manifests (
            id INTEGER PRIMARY KEY, name_id INTEGER NOT NULL, digest BLOB NOT NULL, media_type TEXT NOT NULL,
            artifact_type TEXT, subject BLOB, touched INTEGER NOT NULL, refs BLOB NOT NULL, bytes BLOB NOT NULL,
            UNIQUE (name_id, digest)
        );
        CREATE INDEX manifests_by_subject ON manifests (name_id, subject, digest) WHERE subject IS NOT NULL;
        CREATE INDEX manifests_by_digest ON manifests (digest);
        CREATE TABLE blobs (
            name_id INTEGER NOT NULL, digest BLOB NOT NULL, touched INTEGER NOT NULL,
            PRIMARY KEY (name_id, digest)
        ) WITHOUT ROWID;
        CREATE INDEX blobs_by_digest ON blobs (digest);
        """
}

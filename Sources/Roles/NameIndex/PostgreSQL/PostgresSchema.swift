import Postgres

/// The tables of an index in PostgreSQL, in the connection's default schema. Digests are 32 bytes, times milliseconds since
/// 1970. Texts are ordered by their bytes.
enum PostgresSchema {
    /// The key of the advisory lock of the schema. The key of a name's lock is this plus the name's id.
    static let lock: Int64 = 0x5377_6f6f_7000_0000
    private static let version: Int64 = 2

    /// Makes or upgrades the tables. Any number of indexes may call this at the same time.
    static func migrate(_ connection: PostgresConnection) throws(PostgresError) {
        try connection.transaction { () throws(PostgresError) in
            try connection.query("SELECT pg_advisory_xact_lock($1)", [.int(lock)])
            try connection.run(script: "CREATE TABLE IF NOT EXISTS swoop_schema (version bigint NOT NULL)")
            let found = try connection.query("SELECT max(version) FROM swoop_schema").first?.int(0) ?? 0
            guard found <= version else {
                throw .refused(state: "", "the tables were made by a newer version of this program")
            }
            if found < 1 { try connection.run(script: first) }
            if found < 2 { try connection.run(script: second) }
        }
    }

    private static let first: StaticString = """
        CREATE TABLE names (id bigserial PRIMARY KEY, name text COLLATE "C" NOT NULL UNIQUE);
        -- A tag that was deleted stays, without a digest: an immutable one comes back with its old digest only.
        CREATE TABLE tags (
            name_id bigint NOT NULL, tag text COLLATE "C" NOT NULL, digest bytea, former bytea, at bigint NOT NULL,
            PRIMARY KEY (name_id, tag)
        );
        CREATE INDEX tags_by_time ON tags (name_id, at);
        CREATE INDEX tags_by_digest ON tags (name_id, digest) WHERE digest IS NOT NULL;
        CREATE TABLE events (
            id bigserial PRIMARY KEY, name_id bigint NOT NULL, tag text COLLATE "C" NOT NULL, digest bytea,
            who text NOT NULL, address text NOT NULL, at bigint NOT NULL
        );
        CREATE INDEX events_by_tag ON events (name_id, tag, id);
        CREATE INDEX events_by_name ON events (name_id, id);
        -- What a manifest needs stands in refs, a digest after the other.
        CREATE TABLE manifests (
            name_id bigint NOT NULL, digest bytea NOT NULL, media_type text NOT NULL, artifact_type text,
            subject bytea, touched bigint NOT NULL, refs bytea NOT NULL, bytes bytea NOT NULL,
            PRIMARY KEY (name_id, digest)
        );
        CREATE INDEX manifests_by_subject ON manifests (name_id, subject, digest) WHERE subject IS NOT NULL;
        CREATE INDEX manifests_by_digest ON manifests (digest);
        CREATE TABLE blobs (
            name_id bigint NOT NULL, digest bytea NOT NULL, touched bigint NOT NULL, PRIMARY KEY (name_id, digest)
        );
        CREATE INDEX blobs_by_digest ON blobs (digest);
        INSERT INTO swoop_schema VALUES (1);
        """

    private static let second: StaticString = """
        CREATE TABLE settings (key text PRIMARY KEY, value text NOT NULL);
        INSERT INTO settings VALUES (
            'cluster', substring(md5(random()::text || clock_timestamp()::text || pg_backend_pid()::text) for 16));
        CREATE TABLE replications (
            remote text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL, tag text COLLATE "C" NOT NULL,
            digest bytea NOT NULL, via text NOT NULL, due bigint, failures bigint NOT NULL, problem text NOT NULL,
            upload text NOT NULL, PRIMARY KEY (remote, name, tag)
        );
        CREATE INDEX replications_by_time ON replications (remote, due) WHERE due IS NOT NULL;
        CREATE INDEX replications_by_tag ON replications (name, tag);
        INSERT INTO swoop_schema VALUES (2);
        """
}

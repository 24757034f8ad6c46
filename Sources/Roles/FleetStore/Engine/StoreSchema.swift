/// The tables, for both engines. Times are milliseconds since 1970, documents are JSON, and `revision` is the number of
/// the last change that wrote the row. A released step is never edited.
enum StoreSchema {
    struct Step: Sendable {
        let name: String
        let sql: StaticString
    }

    static let steps = [
        Step(name: "first", sql: first), Step(name: "source grants", sql: grants),
        Step(name: "presence", sql: presence), Step(name: "bytes by source", sql: sources),
        Step(name: "uses of tokens", sql: uses), Step(name: "figures", sql: figures),
    ]

    private static let grants: StaticString = """
        CREATE TABLE source_grants (job text NOT NULL PRIMARY KEY, sealed bytea NOT NULL, expires bigint NOT NULL);
        CREATE TABLE file_digests (job text NOT NULL PRIMARY KEY, doc bytea NOT NULL);
        """

    private static let presence: StaticString = "ALTER TABLE controls ADD COLUMN nodes text NOT NULL DEFAULT ''"

    private static let sources: StaticString = "ALTER TABLE targets ADD COLUMN sources text NOT NULL DEFAULT ''"

    private static let uses: StaticString = """
        CREATE TABLE token_uses (token text NOT NULL, node text NOT NULL, at bigint NOT NULL, PRIMARY KEY (token, node))
        """

    private static let figures: StaticString = """
        CREATE TABLE figures (
            job text NOT NULL, control text NOT NULL, watched bigint NOT NULL, doc text NOT NULL, at bigint NOT NULL,
            PRIMARY KEY (job, control)
        )
        """

    private static let first: StaticString = """
        CREATE TABLE counters (name text NOT NULL PRIMARY KEY, value bigint NOT NULL);
        INSERT INTO counters VALUES ('change', 0);
        CREATE TABLE authority (id bigint NOT NULL PRIMARY KEY, sealed bytea NOT NULL, certificate text NOT NULL);
        CREATE TABLE tokens (
            id text NOT NULL PRIMARY KEY, doc text NOT NULL, expires bigint NOT NULL, revision bigint NOT NULL,
            at bigint NOT NULL
        );
        CREATE TABLE nodes (
            id text NOT NULL PRIMARY KEY, name text NOT NULL UNIQUE, state text NOT NULL, doc text NOT NULL,
            certificate text NOT NULL, seen bigint NOT NULL, revision bigint NOT NULL, at bigint NOT NULL
        );
        CREATE TABLE sequences (
            node text NOT NULL PRIMARY KEY, number bigint NOT NULL, nonce text NOT NULL, requests text NOT NULL,
            control text NOT NULL, at bigint NOT NULL
        );
        CREATE TABLE classes (
            name text NOT NULL PRIMARY KEY, version bigint NOT NULL, removed bigint NOT NULL, revision bigint NOT NULL,
            at bigint NOT NULL
        );
        CREATE TABLE class_versions (
            name text NOT NULL, version bigint NOT NULL, doc text NOT NULL, who text NOT NULL, at bigint NOT NULL,
            PRIMARY KEY (name, version)
        );
        CREATE TABLE jobs (
            id text NOT NULL PRIMARY KEY, class text NOT NULL, state text NOT NULL, is_open bigint NOT NULL,
            doc text NOT NULL, course text NOT NULL, sealed bytea, revision bigint NOT NULL, at bigint NOT NULL,
            ended bigint
        );
        CREATE INDEX jobs_by_class ON jobs (class, id);
        CREATE INDEX jobs_open ON jobs (is_open, id);
        CREATE TABLE targets (
            job text NOT NULL, node text NOT NULL, place bigint NOT NULL, wave bigint NOT NULL, state text NOT NULL,
            code text, attempt bigint NOT NULL, may_switch bigint NOT NULL, away bigint NOT NULL, retries bigint NOT NULL,
            detail text, at bigint NOT NULL, revision bigint NOT NULL, PRIMARY KEY (job, node)
        );
        CREATE INDEX targets_by_revision ON targets (job, revision);
        CREATE INDEX targets_by_node ON targets (node);
        CREATE TABLE metainfo (job text NOT NULL PRIMARY KEY, torrent bytea NOT NULL);
        CREATE TABLE one_time_keys (
            job text NOT NULL PRIMARY KEY, digest bytea NOT NULL, doc text NOT NULL, issued bigint NOT NULL,
            lifetime bigint NOT NULL, used bigint
        );
        CREATE TABLE receipts (
            job text NOT NULL, node text NOT NULL, attempt bigint NOT NULL, state text NOT NULL, jws text NOT NULL,
            public_key bytea, at bigint NOT NULL, PRIMARY KEY (job, node, attempt)
        );
        CREATE TABLE api_tokens (
            id text NOT NULL PRIMARY KEY, name text NOT NULL UNIQUE, digest bytea NOT NULL UNIQUE, doc text NOT NULL,
            expires bigint NOT NULL, seen bigint, revision bigint NOT NULL, at bigint NOT NULL
        );
        CREATE TABLE audit (
            id bigint NOT NULL PRIMARY KEY, at bigint NOT NULL, who text NOT NULL, address text NOT NULL,
            action text NOT NULL, subject text NOT NULL, doc text NOT NULL
        );
        CREATE TABLE idempotency (
            key text NOT NULL PRIMARY KEY, digest bytea NOT NULL, status bigint, reply text, at bigint NOT NULL
        );
        CREATE TABLE changes (
            id bigint NOT NULL PRIMARY KEY, at bigint NOT NULL, kind text NOT NULL, subject text NOT NULL,
            doc text NOT NULL
        );
        CREATE TABLE leases (name text NOT NULL PRIMARY KEY, holder text NOT NULL, until bigint NOT NULL);
        CREATE TABLE controls (id text NOT NULL PRIMARY KEY, doors text NOT NULL, seen bigint NOT NULL);
        CREATE TABLE notifications (
            id bigint NOT NULL, hook text NOT NULL, doc text NOT NULL, due bigint NOT NULL, tries bigint NOT NULL,
            at bigint NOT NULL, PRIMARY KEY (id, hook)
        );
        """
}

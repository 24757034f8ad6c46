import Postgres
import Registry

/// The store of any number of indexes in one PostgreSQL database, version 13 or newer.
package final class PostgresTagStore: TagStore {
    private let pool: PostgresPool
    package let rules: TagRules
    package let remotes: Remotes

    private init(_ pool: PostgresPool, _ rules: TagRules, _ remotes: Remotes) {
        self.pool = pool
        self.rules = rules
        self.remotes = remotes
    }

    /// Makes the tables if they are not there. A server that does not answer may come later: until then each call fails.
    /// - Parameter url: `postgresql://…`
    package static func open(
        _ url: String, rules: TagRules, remotes: Remotes = .none, connections: Int = 8
    ) async throws(TagStoreError) -> PostgresTagStore {
        do throws(PostgresError) { try PostgresPool.check(url) } catch { throw TagStoreError(error) }
        let pool = PostgresPool(url, connections: connections) { connection throws(PostgresError) in
            try PostgresSchema.migrate(connection)
        }
        do {
            try await pool.run { _ throws(PostgresError) in }
        } catch {
            if case .unavailable = error { return PostgresTagStore(pool, rules, remotes) }
            pool.close()
            throw TagStoreError(error)
        }
        return PostgresTagStore(pool, rules, remotes)
    }

    package func close() async { pool.close() }

    // MARK: Tags

    package func put(
        _ tag: Tag, of name: ContentName, digest: BlobDigest, linking: Bool, expecting: Expectation, by act: Act
    ) async throws(TagStoreError) -> TagPutOutcome {
        let (rules, remotes) = (rules, remotes.matching(name, tag))
        return try await change { connection throws(PostgresError) in
            let known = try PostgresNames.id(of: name, in: connection)
            if known == nil, !linking { return Ended(expecting.refuses(nil) ? .moved(nil) : .unknown, commits: false) }
            let id = try PostgresNames.makeID(of: name, in: connection)
            try PostgresNames.share(id, in: connection)
            let state = try PostgresTags.lock(tag, id, in: connection)
            let outcome = rules.outcome(
                name, tag, digest, present: state.present, former: state.former, expecting: expecting)
            guard outcome == .put else { return Ended(outcome, commits: false) }
            if linking {
                try PostgresDigests.link([digest], id, at: act.at, in: connection)
            } else if try !PostgresManifests.has(digest, id, in: connection),
                try PostgresDigests.linked([digest], id, in: connection).isEmpty
            {
                return Ended(.unknown, commits: false)
            }
            try PostgresTags.set(tag, id, to: digest, by: act, in: connection)
            try PostgresReplications.add(
                tag, of: name, digest, via: act.via, to: remotes, due: act.at, in: connection)
            return Ended(.put)
        }
    }

    package func delete(
        _ tag: Tag, of name: ContentName, expecting: Expectation, by act: Act
    ) async throws(TagStoreError) -> TagDeleteOutcome {
        try await change { connection throws(PostgresError) in
            guard let id = try PostgresNames.id(of: name, in: connection),
                let present = try PostgresTags.lock(tag, id, in: connection).present
            else { return Ended(.unknown, commits: false) }
            guard !expecting.refuses(present) else { return Ended(.moved(present), commits: false) }
            try PostgresTags.set(tag, id, to: nil, by: act, in: connection)
            return Ended(.deleted(present))
        }
    }

    package func record(of tag: Tag, of name: ContentName) async throws(TagStoreError) -> TagRecord? {
        try await read { connection throws(PostgresError) in try Self.record(tag, name, connection) }
    }

    package func resolve(_ reference: Reference) async throws(TagStoreError) -> Resolved? {
        try await read { connection throws(PostgresError) in
            let name = reference.name
            switch reference.version {
            case .tag(let tag):
                guard let digest = try Self.record(tag, name, connection)?.digest else { return nil }
                return try PostgresManifests.find(digest, name, in: connection).map { .manifest($0) } ?? .blob(digest)
            case .digest(let digest):
                if let found = try PostgresManifests.find(digest, name, in: connection) { return .manifest(found) }
                guard let id = try PostgresNames.id(of: name, in: connection) else { return nil }
                return try PostgresDigests.linked([digest], id, in: connection).isEmpty ? nil : .blob(digest)
            }
        }
    }

    package func tags(of name: ContentName, after: Tag?, limit: Int) async throws(TagStoreError) -> [TagRecord] {
        try await rows(
            """
            SELECT tag, digest, tags.at FROM names JOIN tags ON name_id = id
            WHERE name = $1 AND tag > $2 AND digest IS NOT NULL ORDER BY tag LIMIT $3
            """, [.text(name.text), .text(after?.text ?? ""), .int(Int64(limit))], PostgresTags.record)
    }

    package func newestTags(of name: ContentName, limit: Int) async throws(TagStoreError) -> [TagRecord] {
        try await rows(
            """
            SELECT tag, digest, tags.at FROM names JOIN tags ON name_id = id
            WHERE name = $1 AND digest IS NOT NULL ORDER BY tags.at DESC, tag LIMIT $2
            """, [.text(name.text), .int(Int64(limit))], PostgresTags.record)
    }

    package func history(
        of name: ContentName, tag: Tag?, before: Int64?, limit: Int
    ) async throws(TagStoreError) -> [TagEvent] {
        try await rows(
            """
            SELECT e.id, tag, digest, who, address, at FROM names n JOIN events e ON name_id = n.id
            WHERE name = $1 AND ($2 IS NULL OR tag = $2) AND e.id < $3 ORDER BY e.id DESC LIMIT $4
            """, [.text(name.text), .text(tag?.text), .int(before ?? .max), .int(Int64(limit))], PostgresTags.event)
    }

    package func tags(
        below path: String, after: Reference?, limit: Int
    ) async throws(TagStoreError) -> [Reference] {
        let range = PathRange(path, after: after)
        return try await rows(
            """
            SELECT name, tag FROM names JOIN tags ON name_id = id
            WHERE name >= $1 AND name < $2 AND (name = $3 OR name >= $4) AND digest IS NOT NULL
                AND (name > $5 OR (name = $5 AND tag > $6))
            ORDER BY name, tag LIMIT $7
            """,
            [
                .text(range.first), .text(range.end), .text(range.path), .text(range.below), .text(range.afterName),
                .text(range.afterTag), .int(Int64(limit)),
            ]
        ) { row in
            guard let name = row.text(0).flatMap({ ContentName($0) }), let tag = row.text(1).flatMap({ Tag($0) })
            else { return nil }
            return Reference(name: name, version: .tag(tag))
        }
    }

    // MARK: Names

    package func names(
        prefix: String, after: ContentName?, limit: Int
    ) async throws(TagStoreError) -> [ContentName] {
        // A text for PostgreSQL has no zero in it, and no name has one.
        if prefix.utf8.contains(0) { return [] }
        return try await rows(
            """
            SELECT name FROM names n WHERE name >= $1 AND name < $2 AND name > $3
                AND (EXISTS (SELECT 1 FROM tags WHERE name_id = n.id AND digest IS NOT NULL)
                    OR EXISTS (SELECT 1 FROM manifests WHERE name_id = n.id)
                    OR EXISTS (SELECT 1 FROM blobs WHERE name_id = n.id))
            ORDER BY name LIMIT $4
            """,
            [.text(prefix), .text(prefix + "\u{7f}"), .text(after?.text ?? ""), .int(Int64(limit))]
        ) { row in row.text(0).flatMap { ContentName($0) } }
    }

    package func exists(_ name: ContentName) async throws(TagStoreError) -> Bool {
        try await read { connection throws(PostgresError) in try PostgresNames.id(of: name, in: connection) != nil }
    }

    // MARK: Manifests

    package func put(
        _ manifest: Manifest, under name: ContentName, tags: [Tag], expecting: Expectation, by act: Act
    ) async throws(TagStoreError) -> ManifestPutOutcome {
        let (rules, remotes) = (rules, remotes)
        return try await change { connection throws(PostgresError) in
            let id = try PostgresNames.makeID(of: name, in: connection)
            try PostgresNames.share(id, in: connection)
            var toSet: [Tag] = []
            // In order, so that two transactions do not wait for each other.
            for tag in Set(tags).sorted() {
                let state = try PostgresTags.lock(tag, id, in: connection)
                switch rules.outcome(
                    name, tag, manifest.digest, present: state.present, former: state.former, expecting: expecting)
                {
                case .taken(let digest): return Ended(.taken(tag, digest), commits: false)
                case .moved(let digest): return Ended(.moved(tag, digest), commits: false)
                case .put: toSet.append(tag)
                case .same, .unknown: break
                }
            }
            let blobs = manifest.neededBlobs.map(\.digest)
            let manifests = manifest.neededManifests.map(\.digest)
            let linked = try PostgresDigests.linked(blobs, id, in: connection)
            let there = try PostgresDigests.manifests(manifests, id, in: connection)
            let missing = blobs.filter { !linked.contains($0) } + manifests.filter { !there.contains($0) }
            guard missing.isEmpty else { return Ended(.missing(missing), commits: false) }
            try PostgresDigests.touch(manifest.needs, id, at: act.at, in: connection)
            try PostgresManifests.store(manifest, id, at: act.at, in: connection)
            for tag in toSet {
                try PostgresTags.set(tag, id, to: manifest.digest, by: act, in: connection)
                try PostgresReplications.add(
                    tag, of: name, manifest.digest, via: act.via, to: remotes.matching(name, tag), due: act.at,
                    in: connection)
            }
            return Ended(.stored)
        }
    }

    package func deleteManifest(
        _ digest: BlobDigest, of name: ContentName, by act: Act
    ) async throws(TagStoreError) -> Bool {
        try await change { connection throws(PostgresError) in
            guard let id = try PostgresNames.id(of: name, in: connection) else { return Ended(false, commits: false) }
            try PostgresNames.exclude(id, in: connection)
            guard try PostgresManifests.delete(digest, id, in: connection) else { return Ended(false, commits: false) }
            let tags = try connection.query(
                "SELECT tag FROM tags WHERE name_id = $1 AND digest = $2 ORDER BY tag FOR UPDATE",
                [.int(id), .bytes(digest.stored)])
            for tag in tags.compactMap({ $0.text(0).flatMap { Tag($0) } }) {
                try PostgresTags.set(tag, id, to: nil, by: act, in: connection)
            }
            return Ended(true)
        }
    }

    package func referrers(
        of subject: BlobDigest, under name: ContentName, artifactType: String?, after: BlobDigest?, limit: Int
    ) async throws(TagStoreError) -> [StoredManifest] {
        try await rows(
            """
            SELECT digest, media_type, artifact_type, subject, bytes FROM names n JOIN manifests ON name_id = n.id
            WHERE name = $1 AND subject = $2 AND digest > $3 AND ($4 IS NULL OR artifact_type = $4)
            ORDER BY digest LIMIT $5
            """,
            [
                .text(name.text), .bytes(subject.stored), .bytes(after?.stored ?? []), .text(artifactType),
                .int(Int64(limit)),
            ], PostgresManifests.manifest)
    }

    // MARK: Blobs

    package func link(_ digests: [BlobDigest], to name: ContentName, at: Int64) async throws(TagStoreError) {
        try await change { connection throws(PostgresError) in
            let id = try PostgresNames.makeID(of: name, in: connection)
            try PostgresNames.share(id, in: connection)
            try PostgresDigests.link(digests, id, at: at, in: connection)
            return Ended(())
        }
    }

    package func unlink(_ digest: BlobDigest, from name: ContentName) async throws(TagStoreError) -> Bool {
        try await change { connection throws(PostgresError) in
            guard let id = try PostgresNames.id(of: name, in: connection) else { return Ended(false, commits: false) }
            try PostgresNames.exclude(id, in: connection)
            let gone = try connection.query(
                "DELETE FROM blobs WHERE name_id = $1 AND digest = $2 RETURNING 1", [.int(id), .bytes(digest.stored)])
            return Ended(!gone.isEmpty)
        }
    }

    package func linked(
        _ digests: [BlobDigest], to name: ContentName
    ) async throws(TagStoreError) -> Set<BlobDigest> {
        try await read { connection throws(PostgresError) in
            guard let id = try PostgresNames.id(of: name, in: connection) else { return [] }
            return try PostgresDigests.linked(digests, id, in: connection)
        }
    }

    package func names(having digest: BlobDigest, limit: Int) async throws(TagStoreError) -> [ContentName] {
        try await rows(
            "SELECT name FROM blobs JOIN names ON id = name_id WHERE digest = $1 ORDER BY name LIMIT $2",
            [.bytes(digest.stored), .int(Int64(limit))]
        ) { row in row.text(0).flatMap { ContentName($0) } }
    }

    package func touch(_ digests: [BlobDigest], of name: ContentName, at: Int64) async throws(TagStoreError) {
        try await change { connection throws(PostgresError) in
            guard let id = try PostgresNames.id(of: name, in: connection) else { return Ended((), commits: false) }
            try PostgresDigests.touch(digests, id, at: at, in: connection)
            return Ended(())
        }
    }

    // MARK: Collection

    package func reached() async throws(TagStoreError) -> Set<BlobDigest> {
        var reached: Set<BlobDigest> = []
        for id in try await ids() {
            reached.formUnion(
                try await read { connection throws(PostgresError) in
                    Reach.from(try Self.tagged(id, connection), over: try Self.nodes(id, connection))
                })
        }
        return reached
    }

    package func held(_ digests: [BlobDigest]) async throws(TagStoreError) -> Set<BlobDigest> {
        try await read { connection throws(PostgresError) in try PostgresDigests.held(digests, in: connection) }
    }

    package func collect(untouchedSince: Int64, dryRun: Bool) async throws(TagStoreError) -> Collected {
        let cutoff = untouchedSince - touchInterval
        var collected = Collected()
        for id in try await ids() {
            // Looked for beside puts first, and again while there are none.
            let found = try await read { connection throws(PostgresError) in
                try Self.garbage(id, cutoff, connection)
            }
            if found.manifests.isEmpty, found.blobs.isEmpty { continue }
            if dryRun {
                collected.manifests += found.manifests.count
                collected.links += found.blobs.count
                continue
            }
            let gone = try await change { connection throws(PostgresError) in
                try PostgresNames.exclude(id, in: connection)
                let garbage = try Self.garbage(id, cutoff, connection)
                var gone = Collected()
                for digest in garbage.manifests where try PostgresManifests.delete(digest, id, in: connection) {
                    gone.manifests += 1
                }
                gone.links = try connection.query(
                    """
                    DELETE FROM blobs WHERE name_id = $1 AND digest IN (
                        SELECT substring($2 FROM i * 32 + 1 FOR 32) FROM generate_series(0, length($2) / 32 - 1) i)
                    RETURNING 1
                    """, [.int(id), .bytes(BlobDigest.store(garbage.blobs))]
                ).count
                return Ended(gone)
            }
            collected.manifests += gone.manifests
            collected.links += gone.links
        }
        return collected
    }

    package func counts() async throws(TagStoreError) -> StoreCounts {
        try await read { connection throws(PostgresError) in
            let row = try connection.query(
                """
                SELECT (SELECT count(*) FROM names), (SELECT count(*) FROM tags WHERE digest IS NOT NULL),
                    (SELECT count(*) FROM manifests)
                """
            ).first
            return StoreCounts(
                names: Int(row?.int(0) ?? 0), tags: Int(row?.int(1) ?? 0), manifests: Int(row?.int(2) ?? 0))
        }
    }

    // MARK: Parts

    static func record(
        _ tag: Tag, _ name: ContentName, _ connection: PostgresConnection
    ) throws(PostgresError) -> TagRecord? {
        try connection.query(
            """
            SELECT tag, digest, tags.at FROM names JOIN tags ON name_id = id AND tag = $2
            WHERE name = $1 AND digest IS NOT NULL
            """, [.text(name.text), .text(tag.text)]
        ).first.flatMap(PostgresTags.record)
    }

    private func ids() async throws(TagStoreError) -> [Int64] {
        try await rows("SELECT id FROM names ORDER BY id", []) { row in row.int(0) }
    }

    private static func tagged(
        _ id: Int64, _ connection: PostgresConnection
    ) throws(PostgresError) -> [BlobDigest] {
        try connection.query("SELECT digest FROM tags WHERE name_id = $1 AND digest IS NOT NULL", [.int(id)])
            .compactMap { $0.digest(0) }
    }

    private static func nodes(
        _ id: Int64, _ connection: PostgresConnection
    ) throws(PostgresError) -> [Reach.Node] {
        try connection.query("SELECT digest, subject, refs FROM manifests WHERE name_id = $1", [.int(id)])
            .compactMap { row in
                row.digest(0).map { Reach.Node(digest: $0, references: row.digests(2), subject: row.digest(1)) }
            }
    }

    private static func garbage(
        _ id: Int64, _ cutoff: Int64, _ connection: PostgresConnection
    ) throws(PostgresError) -> (manifests: [BlobDigest], blobs: [BlobDigest]) {
        func digests(_ sql: StaticString) throws(PostgresError) -> [BlobDigest] {
            try connection.query(sql, [.int(id), .int(cutoff)]).compactMap { $0.digest(0) }
        }
        let roots =
            try tagged(id, connection)
            + digests("SELECT digest FROM manifests WHERE name_id = $1 AND touched >= $2")
        let reached = Reach.from(roots, over: try nodes(id, connection))
        return (
            try digests("SELECT digest FROM manifests WHERE name_id = $1 AND touched < $2")
                .filter { !reached.contains($0) },
            try digests("SELECT digest FROM blobs WHERE name_id = $1 AND touched < $2")
                .filter { !reached.contains($0) }
        )
    }

    /// What a transaction ends with.
    struct Ended<R: Sendable>: Sendable {
        let value: R
        /// False to undo it.
        let commits: Bool

        init(_ value: R, commits: Bool = true) {
            self.value = value
            self.commits = commits
        }
    }

    func change<R: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws(PostgresError) -> Ended<R>
    ) async throws(TagStoreError) -> R {
        do {
            return try await pool.transaction { connection throws(PostgresError) in
                let ended = try body(connection)
                // A transaction that is undone here is ended by the one around as an empty one.
                if !ended.commits { try connection.run(script: "ROLLBACK AND CHAIN") }
                return ended.value
            }
        } catch {
            throw TagStoreError(error)
        }
    }

    func read<R: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws(PostgresError) -> R
    ) async throws(TagStoreError) -> R {
        do { return try await pool.run(body) } catch { throw TagStoreError(error) }
    }

    func rows<R: Sendable>(
        _ sql: StaticString, _ values: [PostgresValue], _ parse: @escaping @Sendable (PostgresRow) -> R?
    ) async throws(TagStoreError) -> [R] {
        try await read { connection throws(PostgresError) in try connection.query(sql, values).compactMap(parse) }
    }
}

extension TagStoreError {
    init(_ error: PostgresError) {
        switch error {
        case .unavailable, .conflict, .closed: self = .unavailable("\(error)")
        case .refused: self = .broken("\(error)")
        }
    }
}

import Postgres
import Registry

/// The store of an index in a PostgreSQL database, version 13 or newer. Any number of indexes can share one.
package final class PostgresTagStore: TagStore {
    let storage: PostgresStorage
    package let rules: TagRules
    package let remotes: Remotes

    private init(_ storage: PostgresStorage, _ rules: TagRules, _ remotes: Remotes) {
        self.storage = storage
        self.rules = rules
        self.remotes = remotes
    }

    /// Opens the store, and makes missing tables. If the server does not answer, the store is opened too, and each call
    /// fails until it does.
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
            if case .unavailable = error { return PostgresTagStore(PostgresStorage(pool: pool), rules, remotes) }
            pool.close()
            throw TagStoreError(error)
        }
        return PostgresTagStore(PostgresStorage(pool: pool), rules, remotes)
    }

    package func close() async { storage.pool.close() }

    // MARK: Tags

    package func put(
        _ tag: Tag, of name: ContentName, digest: BlobDigest, linking: Bool, expecting: Expectation, by act: Act
    ) async throws(TagStoreError) -> TagPutOutcome {
        let put = PostgresPut(name: name, expecting: expecting, act: act, rules: rules, remotes: remotes)
        return try await storage.change { connection throws(PostgresError) in
            try put.run(tag, digest: digest, linking: linking, in: connection)
        }
    }

    package func delete(
        _ tag: Tag, of name: ContentName, expecting: Expectation, by act: Act
    ) async throws(TagStoreError) -> TagDeleteOutcome {
        try await storage.change { connection throws(PostgresError) in
            guard let id = try PostgresNames.id(of: name, in: connection),
                let present = try PostgresTags.lock(tag, id, in: connection).present
            else { return Ended(.unknown, commits: false) }
            guard !expecting.refuses(present) else { return Ended(.moved(present), commits: false) }
            try PostgresTags.set(tag, id, to: nil, by: act, in: connection)
            return Ended(.deleted(present))
        }
    }

    package func record(of tag: Tag, of name: ContentName) async throws(TagStoreError) -> TagRecord? {
        try await storage.read { connection throws(PostgresError) in
            try PostgresTags.record(of: tag, of: name, in: connection)
        }
    }

    package func resolve(_ reference: Reference) async throws(TagStoreError) -> Resolved? {
        try await storage.read { connection throws(PostgresError) in
            let name = reference.name
            switch reference.version {
            case .tag(let tag):
                guard let digest = try PostgresTags.record(of: tag, of: name, in: connection)?.digest else {
                    return nil
                }
                return try PostgresManifests.find(digest, name, in: connection).map { .manifest($0) } ?? .blob(digest)
            case .digest(let digest):
                if let found = try PostgresManifests.find(digest, name, in: connection) { return .manifest(found) }
                guard let id = try PostgresNames.id(of: name, in: connection) else { return nil }
                return try PostgresDigests.linked([digest], id, in: connection).isEmpty ? nil : .blob(digest)
            }
        }
    }

    package func tags(of name: ContentName, after: Tag?, limit: Int) async throws(TagStoreError) -> [TagRecord] {
        try await storage.read { connection throws(PostgresError) in
            try PostgresTags.list(of: name, after: after, limit: limit, in: connection)
        }
    }

    package func newestTags(of name: ContentName, limit: Int) async throws(TagStoreError) -> [TagRecord] {
        try await storage.read { connection throws(PostgresError) in
            try PostgresTags.newest(of: name, limit: limit, in: connection)
        }
    }

    package func history(
        of name: ContentName, tag: Tag?, before: Int64?, limit: Int
    ) async throws(TagStoreError) -> [TagEvent] {
        try await storage.read { connection throws(PostgresError) in
            try PostgresTags.history(of: name, tag: tag, before: before, limit: limit, in: connection)
        }
    }

    package func tags(
        below path: String, after: Reference?, limit: Int
    ) async throws(TagStoreError) -> [Reference] {
        try await storage.read { connection throws(PostgresError) in
            try PostgresTags.list(below: path, after: after, limit: limit, in: connection)
        }
    }

    // MARK: Names

    package func names(
        prefix: String, after: ContentName?, limit: Int
    ) async throws(TagStoreError) -> [ContentName] {
        try await storage.read { connection throws(PostgresError) in
            try PostgresNames.list(prefix: prefix, after: after, limit: limit, in: connection)
        }
    }

    package func exists(_ name: ContentName) async throws(TagStoreError) -> Bool {
        try await storage.read { connection throws(PostgresError) in
            try PostgresNames.id(of: name, in: connection) != nil
        }
    }

    // MARK: Manifests

    package func put(
        _ manifest: Manifest, under name: ContentName, tags: [Tag], expecting: Expectation, by act: Act
    ) async throws(TagStoreError) -> ManifestPutOutcome {
        let put = PostgresPut(name: name, expecting: expecting, act: act, rules: rules, remotes: remotes)
        return try await storage.change { connection throws(PostgresError) in
            try put.run(manifest, tags: tags, in: connection)
        }
    }

    package func deleteManifest(
        _ digest: BlobDigest, of name: ContentName, by act: Act
    ) async throws(TagStoreError) -> Bool {
        try await storage.change { connection throws(PostgresError) in
            guard let id = try PostgresNames.id(of: name, in: connection) else { return Ended(false, commits: false) }
            try PostgresNames.exclude(id, in: connection)
            guard try PostgresManifests.delete(digest, id, in: connection) else { return Ended(false, commits: false) }
            for tag in try PostgresTags.lockNaming(digest, id, in: connection) {
                try PostgresTags.set(tag, id, to: nil, by: act, in: connection)
            }
            return Ended(true)
        }
    }

    package func referrers(
        of subject: BlobDigest, under name: ContentName, artifactType: String?, after: BlobDigest?, limit: Int
    ) async throws(TagStoreError) -> [StoredManifest] {
        try await storage.read { connection throws(PostgresError) in
            try PostgresManifests.referrers(
                of: subject, under: name, artifactType: artifactType, after: after, limit: limit, in: connection)
        }
    }

    // MARK: Blobs

    package func link(_ digests: [BlobDigest], to name: ContentName, at: Int64) async throws(TagStoreError) {
        try await storage.change { connection throws(PostgresError) in
            let id = try PostgresNames.makeID(of: name, in: connection)
            try PostgresNames.share(id, in: connection)
            try PostgresDigests.link(digests, id, at: at, in: connection)
            return Ended(())
        }
    }

    package func unlink(_ digest: BlobDigest, from name: ContentName) async throws(TagStoreError) -> Bool {
        try await storage.change { connection throws(PostgresError) in
            guard let id = try PostgresNames.id(of: name, in: connection) else { return Ended(false, commits: false) }
            try PostgresNames.exclude(id, in: connection)
            return Ended(try PostgresDigests.unlink(digest, id, in: connection))
        }
    }

    package func linked(
        _ digests: [BlobDigest], to name: ContentName
    ) async throws(TagStoreError) -> Set<BlobDigest> {
        try await storage.read { connection throws(PostgresError) in
            guard let id = try PostgresNames.id(of: name, in: connection) else { return [] }
            return try PostgresDigests.linked(digests, id, in: connection)
        }
    }

    package func names(having digest: BlobDigest, limit: Int) async throws(TagStoreError) -> [ContentName] {
        try await storage.read { connection throws(PostgresError) in
            try PostgresNames.having(digest, limit: limit, in: connection)
        }
    }

    package func touch(_ digests: [BlobDigest], of name: ContentName, at: Int64) async throws(TagStoreError) {
        try await storage.change { connection throws(PostgresError) in
            guard let id = try PostgresNames.id(of: name, in: connection) else { return Ended((), commits: false) }
            // A collection that has chosen its garbage does not see a touch that comes after that.
            try PostgresNames.share(id, in: connection)
            try PostgresDigests.touch(digests, id, at: at, in: connection)
            return Ended(())
        }
    }

    // MARK: Collection

    package func reached() async throws(TagStoreError) -> Set<BlobDigest> {
        var reached: Set<BlobDigest> = []
        for id in try await ids() {
            reached.formUnion(
                try await storage.read { connection throws(PostgresError) in
                    try PostgresCollection.reached(id, in: connection)
                })
        }
        return reached
    }

    package func held(_ digests: [BlobDigest]) async throws(TagStoreError) -> Set<BlobDigest> {
        try await storage.read { connection throws(PostgresError) in try PostgresDigests.held(digests, in: connection) }
    }

    package func collect(untouchedSince: Int64, dryRun: Bool) async throws(TagStoreError) -> Collected {
        let cutoff = untouchedSince - touchInterval
        var collected = Collected()
        for id in try await ids() {
            // The garbage is searched for first without a lock, while puts go on. If there is any, it is searched for again
            // under the name's exclusive lock.
            let found = try await storage.read { connection throws(PostgresError) in
                try PostgresCollection.garbage(id, untouchedSince: cutoff, in: connection)
            }
            if found.isEmpty { continue }
            if dryRun {
                collected.manifests += found.manifests.count
                collected.links += found.blobs.count
                continue
            }
            let gone = try await storage.change { connection throws(PostgresError) in
                try PostgresNames.exclude(id, in: connection)
                let garbage = try PostgresCollection.garbage(id, untouchedSince: cutoff, in: connection)
                return Ended(try PostgresCollection.delete(garbage, id, in: connection))
            }
            collected.manifests += gone.manifests
            collected.links += gone.links
        }
        return collected
    }

    package func claimCollection(now: Int64, period: Int64) async throws(TagStoreError) -> Bool {
        try await storage.change { connection throws(PostgresError) in
            let turn = CollectionTurn(last: try PostgresCollection.lockLast(in: connection), now: now, period: period)
            if let last = turn.last { try PostgresCollection.setLast(last, in: connection) }
            return Ended(turn.isDue)
        }
    }

    package func setLastCollection(_ time: Int64) async throws(TagStoreError) {
        try await storage.change { connection throws(PostgresError) in
            Ended(try PostgresCollection.setLast(time, in: connection))
        }
    }

    package func counts() async throws(TagStoreError) -> StoreCounts {
        try await storage.read { connection throws(PostgresError) in
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

    private func ids() async throws(TagStoreError) -> [Int64] {
        try await storage.read { connection throws(PostgresError) in try PostgresCollection.ids(in: connection) }
    }
}

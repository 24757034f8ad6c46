import Database
import GRDB
import Registry

/// The store of a single index in a SQLite file.
package final class SQLiteTagStore: TagStore {
    private let file: DatabaseFile
    package let rules: TagRules
    package let remotes: Remotes

    private init(_ file: DatabaseFile, _ rules: TagRules, _ remotes: Remotes) {
        self.file = file
        self.rules = rules
        self.remotes = remotes
    }

    /// Opens the file at `path`, and makes it if it is missing.
    package static func open(
        _ path: String, rules: TagRules, remotes: Remotes = .none
    ) async throws(TagStoreError) -> SQLiteTagStore {
        do {
            let file = try await DatabaseFile.open(path, migrations: SQLiteSchema.migrations)
            return SQLiteTagStore(file, rules, remotes)
        } catch {
            throw TagStoreError(error)
        }
    }

    package func close() async { await file.close() }

    // MARK: Tags

    package func put(
        _ tag: Tag, of name: ContentName, digest: BlobDigest, linking: Bool, expecting: Expectation, by act: Act
    ) async throws(TagStoreError) -> TagPutOutcome {
        let put = SQLitePut(name: name, expecting: expecting, act: act, rules: rules, remotes: remotes)
        return try await write { try put.run(tag, digest: digest, linking: linking, in: $0) }
    }

    package func delete(
        _ tag: Tag, of name: ContentName, expecting: Expectation, by act: Act
    ) async throws(TagStoreError) -> TagDeleteOutcome {
        try await write { connection in
            guard let id = try NameTable.id(of: name, in: connection),
                let present = try TagTable.state(of: tag, id, in: connection).present
            else { return .unknown }
            guard !expecting.refuses(present) else { return .moved(present) }
            try TagTable.clear(tag, id, by: act, in: connection)
            return .deleted(present)
        }
    }

    package func record(of tag: Tag, of name: ContentName) async throws(TagStoreError) -> TagRecord? {
        try await read { try TagTable.record(of: tag, of: name, in: $0) }
    }

    package func resolve(_ reference: Reference) async throws(TagStoreError) -> Resolved? {
        try await read { connection in
            let name = reference.name
            switch reference.version {
            case .tag(let tag):
                guard let digest = try TagTable.record(of: tag, of: name, in: connection)?.digest else { return nil }
                return try ManifestTable.find(digest, name, in: connection).map { .manifest($0) } ?? .blob(digest)
            case .digest(let digest):
                if let manifest = try ManifestTable.find(digest, name, in: connection) { return .manifest(manifest) }
                guard let id = try NameTable.id(of: name, in: connection),
                    try BlobTable.has(digest, id, in: connection)
                else { return nil }
                return .blob(digest)
            }
        }
    }

    package func tags(of name: ContentName, after: Tag?, limit: Int) async throws(TagStoreError) -> [TagRecord] {
        try await read(of: name) { try TagTable.list($1, after: after, limit: limit, in: $0) } ?? []
    }

    package func newestTags(of name: ContentName, limit: Int) async throws(TagStoreError) -> [TagRecord] {
        try await read(of: name) { try TagTable.newest($1, limit: limit, in: $0) } ?? []
    }

    package func history(
        of name: ContentName, tag: Tag?, before: Int64?, limit: Int
    ) async throws(TagStoreError) -> [TagEvent] {
        try await read(of: name) { try TagTable.history($1, tag: tag, before: before, limit: limit, in: $0) } ?? []
    }

    package func tags(
        below path: String, after: Reference?, limit: Int
    ) async throws(TagStoreError) -> [Reference] {
        try await readAtLength { try TagTable.list(below: path, after: after, limit: limit, in: $0) }
    }

    // MARK: Names

    package func names(
        prefix: String, after: ContentName?, limit: Int
    ) async throws(TagStoreError) -> [ContentName] {
        try await readAtLength { try NameTable.list(prefix: prefix, after: after, limit: limit, in: $0) }
    }

    package func exists(_ name: ContentName) async throws(TagStoreError) -> Bool {
        try await read { try NameTable.id(of: name, in: $0) != nil }
    }

    // MARK: Manifests

    package func put(
        _ manifest: Manifest, under name: ContentName, tags: [Tag], expecting: Expectation, by act: Act
    ) async throws(TagStoreError) -> ManifestPutOutcome {
        let put = SQLitePut(name: name, expecting: expecting, act: act, rules: rules, remotes: remotes)
        return try await write { try put.run(manifest, tags: tags, in: $0) }
    }

    package func deleteManifest(
        _ digest: BlobDigest, of name: ContentName, by act: Act
    ) async throws(TagStoreError) -> Bool {
        try await write { connection in
            guard let id = try NameTable.id(of: name, in: connection),
                try ManifestTable.delete(digest, id, in: connection)
            else { return false }
            for tag in try TagTable.naming(digest, id, in: connection) {
                try TagTable.clear(tag, id, by: act, in: connection)
            }
            return true
        }
    }

    package func referrers(
        of subject: BlobDigest, under name: ContentName, artifactType: String?, after: BlobDigest?, limit: Int
    ) async throws(TagStoreError) -> [StoredManifest] {
        try await read(of: name) {
            try ManifestTable.referrers(
                of: subject, $1, artifactType: artifactType, after: after, limit: limit, in: $0)
        } ?? []
    }

    // MARK: Blobs

    package func link(_ digests: [BlobDigest], to name: ContentName, at: Int64) async throws(TagStoreError) {
        try await write { connection in
            let id = try NameTable.makeID(of: name, in: connection)
            for digest in digests { try BlobTable.link(digest, id, at: at, in: connection) }
        }
    }

    package func unlink(_ digest: BlobDigest, from name: ContentName) async throws(TagStoreError) -> Bool {
        try await write { connection in
            guard let id = try NameTable.id(of: name, in: connection) else { return false }
            return try BlobTable.unlink(digest, id, in: connection)
        }
    }

    package func linked(
        _ digests: [BlobDigest], to name: ContentName
    ) async throws(TagStoreError) -> Set<BlobDigest> {
        try await read(of: name) { connection, id in
            Set(try digests.filter { try BlobTable.has($0, id, in: connection) })
        } ?? []
    }

    package func names(having digest: BlobDigest, limit: Int) async throws(TagStoreError) -> [ContentName] {
        try await read { try NameTable.having(digest, limit: limit, in: $0) }
    }

    package func touch(_ digests: [BlobDigest], of name: ContentName, at: Int64) async throws(TagStoreError) {
        let stale = try await read(of: name) { connection, id in
            try digests.filter { try BlobTable.isStale($0, id, at: at, in: connection) }
        }
        guard let stale, !stale.isEmpty else { return }
        try await write { connection in
            guard let id = try NameTable.id(of: name, in: connection) else { return }
            for digest in stale {
                try BlobTable.touch(digest, id, at: at, in: connection)
                try ManifestTable.touch(digest, id, at: at, in: connection)
            }
        }
    }

    // MARK: Collection

    package func reached() async throws(TagStoreError) -> Set<BlobDigest> {
        try await readAtLength { connection in
            try CollectionTable.ids(in: connection).reduce(into: []) { reached, id in
                try reached.formUnion(CollectionTable.reached(id, in: connection))
            }
        }
    }

    package func held(_ digests: [BlobDigest]) async throws(TagStoreError) -> Set<BlobDigest> {
        try await read { connection in Set(try digests.filter { try BlobTable.isHeld($0, in: connection) }) }
    }

    package func collect(untouchedSince: Int64, dryRun: Bool) async throws(TagStoreError) -> Collected {
        let cutoff = untouchedSince - touchInterval
        var collected = Collected()
        // Each name is collected in a transaction of its own, so that other writes do not wait for long. The garbage is
        // searched for first while writes go on, and again in the transaction that removes it.
        for id in try await readAtLength({ try CollectionTable.ids(in: $0) }) {
            let found = try await readAtLength {
                try CollectionTable.garbage(id, untouchedSince: cutoff, in: $0)
            }
            if found.isEmpty { continue }
            let gone =
                dryRun
                ? Collected(manifests: found.manifests.count, links: found.blobs.count)
                : try await write {
                    let garbage = try CollectionTable.garbage(id, untouchedSince: cutoff, in: $0)
                    return try CollectionTable.delete(garbage, id, in: $0)
                }
            collected.manifests += gone.manifests
            collected.links += gone.links
        }
        return collected
    }

    package func claimCollection(now: Int64, period: Int64) async throws(TagStoreError) -> Bool {
        try await write { connection in
            let turn = CollectionTurn(last: try CollectionTable.last(in: connection), now: now, period: period)
            if let last = turn.last { try CollectionTable.setLast(last, in: connection) }
            return turn.isDue
        }
    }

    package func setLastCollection(_ time: Int64) async throws(TagStoreError) {
        try await write { try CollectionTable.setLast(time, in: $0) }
    }

    package func counts() async throws(TagStoreError) -> StoreCounts {
        try await readAtLength { connection in
            StoreCounts(
                names: try connection.value("SELECT count(*) FROM names") ?? 0,
                tags: try connection.value("SELECT count(*) FROM tags WHERE digest IS NOT NULL") ?? 0,
                manifests: try connection.value("SELECT count(*) FROM manifests") ?? 0)
        }
    }

    // MARK: Parts

    /// Runs a body with the id of a name; nil if there is no such name.
    private func read<R: Sendable>(
        of name: ContentName, _ body: @escaping @Sendable (SQLConnection, Int64) throws -> R
    ) async throws(TagStoreError) -> R? {
        try await read { connection in
            guard let id = try NameTable.id(of: name, in: connection) else { return nil }
            return try body(connection, id)
        }
    }

    func read<R: Sendable>(
        _ body: @escaping @Sendable (SQLConnection) throws -> R
    ) async throws(TagStoreError) -> R {
        do { return try await file.read(body) } catch { throw TagStoreError(error) }
    }

    private func readAtLength<R: Sendable>(
        _ body: @escaping @Sendable (SQLConnection) throws -> R
    ) async throws(TagStoreError) -> R {
        do { return try await file.readAtLength(body) } catch { throw TagStoreError(error) }
    }

    func write<R: Sendable>(
        _ body: @escaping @Sendable (SQLConnection) throws -> R
    ) async throws(TagStoreError) -> R {
        do { return try await file.write(body) } catch { throw TagStoreError(error) }
    }
}

extension TagStoreError {
    init(_ error: DatabaseFileError) {
        switch error {
        case .full, .disk: self = .disk("\(error)")
        case .failed, .closed: self = .unavailable("\(error)")
        case .corrupt, .newer: self = .broken("\(error)")
        }
    }
}

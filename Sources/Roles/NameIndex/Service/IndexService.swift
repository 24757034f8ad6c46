import Registry

/// The operations of an index, independent of the protocol that calls them. They use the store, its rules for tags, and the
/// origins' facts about blobs.
package struct IndexService: Sendable {
    package let store: any TagStore
    package let facts: any BlobFacts
    /// Called after the commit with tags that have a new digest. Must not wait.
    private var tagged: @Sendable (ContentName, [Tag], BlobDigest) -> Void = { _, _, _ in }
    package var rules: TagRules { store.rules }

    /// The most tags that an error suggests.
    private static let offeredTags = 5

    package init(store: any TagStore, facts: any BlobFacts) {
        self.store = store
        self.facts = facts
    }

    /// The same service, which also calls `tagged` when tags get a new digest.
    package func telling(_ tagged: @escaping @Sendable (ContentName, [Tag], BlobDigest) -> Void) -> IndexService {
        var service = self
        service.tagged = tagged
        return service
    }

    // MARK: Putting

    /// Puts a tag on a manifest or blob. All blobs and manifests that it needs are checked and touched first.
    /// - Parameter linking: whether a blob that the NAME does not have is added to it, if an origin has the blob. It must be
    ///   false for callers that may not see every NAME: they could get blobs of other NAMEs.
    /// - Returns: whether the tag changed.
    package func put(
        _ tag: Tag, of name: ContentName, digest: BlobDigest, linking: Bool, expecting: Expectation, by act: Act
    ) async throws(IndexError) -> Bool {
        if try await hasPassed(act) { return false }
        let known = try await asked { () throws(TagStoreError) in
            try await store.resolve(Reference(name: name, version: .digest(digest)))
        }
        switch known {
        case .manifest(let stored)?:
            let manifest = try parsed(stored)
            try await check(manifest.neededBlobs, of: name, manifests: [])
            try await asked { () throws(TagStoreError) in
                try await store.touch([digest] + manifest.needs, of: name, at: act.at)
            }
        case .blob?: try await check(digest, of: name, joining: false)
        case nil:
            guard linking else { throw .missing(name, blobs: [digest], manifests: []) }
            try await check(digest, of: name, joining: true)
        }
        let isManifest = if case .manifest? = known { true } else { false }
        let outcome = try await asked { () throws(TagStoreError) in
            try await store.put(
                tag, of: name, digest: digest, linking: linking && !isManifest, expecting: expecting, by: act)
        }
        switch outcome {
        case .same: return false
        case .put:
            tagged(name, [tag], digest)
            return true
        case .taken(let bound): throw .taken(name, tag, bound)
        case .moved(let present): throw .moved(name, tag, present)
        case .unknown: throw .missing(name, blobs: [digest], manifests: [])
        }
    }

    /// Stores a manifest under a NAME that has all that the manifest needs, and puts the tags on it.
    package func put(
        _ manifest: Manifest, under name: ContentName, tags: [Tag], expecting: Expectation, by act: Act
    ) async throws(IndexError) {
        if try await hasPassed(act), !tags.isEmpty { return }
        try await check(manifest.neededBlobs, of: name, manifests: manifest.neededManifests.map(\.digest))
        let outcome = try await asked { () throws(TagStoreError) in
            try await store.put(manifest, under: name, tags: tags, expecting: expecting, by: act)
        }
        switch outcome {
        case .stored: if !tags.isEmpty { tagged(name, tags, manifest.digest) }
        case .missing(let digests):
            let manifests = Set(manifest.neededManifests.map(\.digest))
            throw .missing(
                name, blobs: digests.filter { !manifests.contains($0) }, manifests: digests.filter(manifests.contains))
        case .taken(let tag, let bound): throw .taken(name, tag, bound)
        case .moved(let tag, let present): throw .moved(name, tag, present)
        }
    }

    package func delete(
        _ tag: Tag, of name: ContentName, expecting: Expectation, by act: Act
    ) async throws(IndexError) -> BlobDigest {
        let outcome = try await asked { () throws(TagStoreError) in
            try await store.delete(tag, of: name, expecting: expecting, by: act)
        }
        switch outcome {
        case .deleted(let digest): return digest
        case .unknown: throw try await noTag(tag, of: name)
        case .moved(let present): throw .moved(name, tag, present)
        }
    }

    // MARK: Asking

    package func record(of tag: Tag, of name: ContentName) async throws(IndexError) -> TagRecord {
        let record = try await asked { () throws(TagStoreError) in try await store.record(of: tag, of: name) }
        guard let record else { throw try await noTag(tag, of: name) }
        return record
    }

    /// The error for a missing tag, with the newest tags of the NAME.
    package func noTag(_ tag: Tag, of name: ContentName) async throws(IndexError) -> IndexError {
        let newest = try await asked { () throws(TagStoreError) in
            try await store.newestTags(of: name, limit: Self.offeredTags)
        }
        return .noTag(name, tag, newest: newest.map(\.tag))
    }

    // MARK: Parts

    /// Whether a replicated change has come through this registry before.
    private func hasPassed(_ act: Act) async throws(IndexError) -> Bool {
        guard !act.via.clusters.isEmpty else { return false }
        let own = try await asked { () throws(TagStoreError) in try await store.cluster() }
        return act.via.contains(own)
    }

    private func check(_ digest: BlobDigest, of name: ContentName, joining: Bool) async throws(IndexError) {
        let sizes = try await answered { () throws(BlobFactsError) in
            try await facts.touch([digest], under: name, joining: joining)
        }
        guard sizes[digest] != nil else { throw .missing(name, blobs: [digest], manifests: []) }
    }

    /// Checks that the NAME has the blobs, that origins or back ends have them, and that their sizes are right.
    /// - Parameter manifests: manifests that the NAME must have too. They are checked here only so that an error lists all
    ///   that is missing.
    private func check(
        _ blobs: [Descriptor], of name: ContentName, manifests: [BlobDigest]
    ) async throws(IndexError) {
        guard !blobs.isEmpty else { return }
        let digests = blobs.map(\.digest)
        let linked = try await asked { () throws(TagStoreError) in try await store.linked(digests, to: name) }
        let sizes =
            linked.isEmpty
            ? [:]
            : try await answered { () throws(BlobFactsError) in
                try await facts.touch(digests.filter(linked.contains), under: name, joining: false)
            }
        let missing = digests.filter { sizes[$0] == nil }
        guard missing.isEmpty else {
            var absent: [BlobDigest] = []
            for digest in manifests {
                let found = try await asked { () throws(TagStoreError) in
                    try await store.resolve(Reference(name: name, version: .digest(digest)))
                }
                if case .manifest? = found { continue }
                absent.append(digest)
            }
            throw .missing(name, blobs: missing, manifests: absent)
        }
        for blob in blobs {
            guard let size = sizes[blob.digest], size != blob.size else { continue }
            throw .wrongSize(blob.digest, said: blob.size, found: size)
        }
    }

    func parsed(_ stored: StoredManifest) throws(IndexError) -> Manifest {
        do { return try Manifest(stored.bytes, type: stored.mediaType) } catch { throw .manifest(error) }
    }

    package func asked<R>(_ body: () async throws(TagStoreError) -> R) async throws(IndexError) -> R {
        do { return try await body() } catch { throw .store(error) }
    }

    func answered<R>(_ body: () async throws(BlobFactsError) -> R) async throws(IndexError) -> R {
        do { return try await body() } catch { throw .origins(error) }
    }
}

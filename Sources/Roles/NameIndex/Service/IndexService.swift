import Registry

/// What an index does, whatever the protocol that asks for it: the store, the rules, and the origins' word for what is there.
package struct IndexService: Sendable {
    package let store: any TagStore
    package let facts: any BlobFacts
    package let rules: TagRules

    /// Most manifests that one reply of ``resolve(_:)`` has.
    private static let mostManifests = 256
    /// Most bytes of small blobs in such a reply.
    private static let mostContents = 1 << 20
    /// Tags that an error offers.
    private static let offeredTags = 5

    /// - Parameter rules: the same as the store's.
    package init(store: any TagStore, facts: any BlobFacts, rules: TagRules) {
        self.store = store
        self.facts = facts
        self.rules = rules
    }

    // MARK: Putting

    /// Has a tag name a manifest of the NAME, or any blob that some origin has. All that it refers to is checked and touched first.
    /// - Returns: whether something changed.
    package func put(
        _ tag: Tag, of name: ContentName, digest: BlobDigest, expecting: Expectation, by act: Act
    ) async throws(IndexError) -> Bool {
        let known = try await asked { () throws(TagStoreError) in
            try await store.resolve(Reference(name: name, version: .digest(digest)))
        }
        if case .manifest(let stored)? = known {
            let manifest = try parsed(stored)
            try await check(manifest.neededBlobs.map(\.digest), of: name)
            try await asked { () throws(TagStoreError) in
                try await store.touch([digest] + manifest.needs, of: name, at: act.at)
            }
        } else {
            try await check([digest], of: name)
        }
        let isManifest = if case .manifest? = known { true } else { false }
        let outcome = try await asked { () throws(TagStoreError) in
            try await store.put(
                tag, of: name, digest: digest, linking: !isManifest, expecting: expecting, by: act)
        }
        switch outcome {
        case .same: return false
        case .put: return true
        case .taken(let bound): throw .taken(name, tag, bound)
        case .moved(let present): throw .moved(name, tag, present)
        case .unknown: throw .noDigest(name, digest)
        }
    }

    /// Stores a manifest under a NAME that has what it refers to, and has the tags name it.
    package func put(
        _ manifest: Manifest, under name: ContentName, tags: [Tag], expecting: Expectation, by act: Act
    ) async throws(IndexError) {
        try await check(manifest.neededBlobs.map(\.digest), of: name)
        let outcome = try await asked { () throws(TagStoreError) in
            try await store.put(manifest, under: name, tags: tags, expecting: expecting, by: act)
        }
        switch outcome {
        case .stored: return
        case .missing(let digests):
            let manifests = Set(manifest.neededManifests.map(\.digest))
            let blobs = digests.filter { !manifests.contains($0) }
            if blobs.isEmpty { throw .missingManifests(name, digests) }
            throw .missingBlobs(blobs)
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

    /// The manifest, those that it names if it is an index, and what origins know of their blobs.
    package func resolve(_ reference: Reference) async throws(IndexError) -> Resolution {
        let name = reference.name
        let found = try await asked { () throws(TagStoreError) in try await store.resolve(reference) }
        let isMutable = if case .tag(let tag) = reference.version { rules.isMutable(name, tag) } else { false }
        let manifests: [StoredManifest]
        var descriptors: [(digest: BlobDigest, size: Int64?)] = []
        switch found {
        case .manifest(let manifest)?:
            manifests = try await tree(of: manifest, under: name)
            for manifest in manifests {
                descriptors += try parsed(manifest).neededBlobs.map { ($0.digest, $0.size) }
            }
        case .blob(let digest)?:
            manifests = []
            descriptors = [(digest, nil)]
        case nil:
            switch reference.version {
            case .tag(let tag): throw try await noTag(tag, of: name)
            case .digest(let digest): throw .noDigest(name, digest)
            }
        }
        var seen: Set<BlobDigest> = []
        descriptors.removeAll { !seen.insert($0.digest).inserted }
        let digests = descriptors.map(\.digest)
        let known = try await answered { () throws(BlobFactsError) in
            try await facts.facts(of: digests, under: name, contents: true)
        }
        var left = Self.mostContents
        let blobs = descriptors.map { digest, size in
            let fact = known[digest]?.within(&left)
            return Resolution.Blob(digest: digest, size: size ?? fact?.size, fact: fact)
        }
        return Resolution(
            reference: reference, digest: found?.digest ?? .init(.zero), isMutable: isMutable, manifests: manifests,
            blobs: blobs)
    }

    /// A manifest, and all that indexes in it name.
    private func tree(
        of manifest: StoredManifest, under name: ContentName
    ) async throws(IndexError) -> [StoredManifest] {
        var found: [StoredManifest] = []
        var seen: Set<BlobDigest> = [manifest.digest]
        var next = [manifest]
        while let manifest = next.popLast() {
            found.append(manifest)
            for digest in try parsed(manifest).neededManifests.map(\.digest).reversed() {
                guard seen.count < Self.mostManifests, seen.insert(digest).inserted else { continue }
                let part = try await asked { () throws(TagStoreError) in
                    try await store.resolve(Reference(name: name, version: .digest(digest)))
                }
                if case .manifest(let part)? = part { next.append(part) }
            }
        }
        return found
    }

    // MARK: Parts

    /// Says that there is no such tag, and which ones there are.
    package func noTag(_ tag: Tag, of name: ContentName) async throws(IndexError) -> IndexError {
        let newest = try await asked { () throws(TagStoreError) in
            try await store.newestTags(of: name, limit: Self.offeredTags)
        }
        return .noTag(name, tag, newest: newest.map(\.tag))
    }

    private func check(_ digests: [BlobDigest], of name: ContentName) async throws(IndexError) {
        guard !digests.isEmpty else { return }
        let there = try await answered { () throws(BlobFactsError) in try await facts.touch(digests, under: name) }
        let missing = digests.filter { !there.contains($0) }
        guard missing.isEmpty else { throw .missingBlobs(missing) }
    }

    private func parsed(_ stored: StoredManifest) throws(IndexError) -> Manifest {
        do { return try Manifest(stored.bytes, type: stored.mediaType) } catch { throw .manifest(error) }
    }

    func asked<R>(_ body: () async throws(TagStoreError) -> R) async throws(IndexError) -> R {
        do { return try await body() } catch { throw .store(error) }
    }

    private func answered<R>(_ body: () async throws(BlobFactsError) -> R) async throws(IndexError) -> R {
        do { return try await body() } catch { throw .origins(error) }
    }
}

extension BlobFact {
    /// With its bytes only as far as there is room for them in a reply.
    fileprivate func within(_ left: inout Int) -> BlobFact {
        guard let content else { return self }
        guard content.count <= min(left, Self.mostContent) else {
            return BlobFact(size: size, infoHash: infoHash, infoSHA256: infoSHA256)
        }
        left -= content.count
        return self
    }
}

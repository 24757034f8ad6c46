import Registry

extension IndexService {
    /// The most manifests in one answer, and their most bytes. Further ones can be asked for by their digests.
    private static let mostManifests = 1_000
    private static let mostManifestBytes = 16 << 20
    /// The most bytes of small blobs' contents in one answer.
    private static let mostContents = 8 << 20

    /// The digest of a reference: the `ETag` of the answer of ``resolve(_:)``.
    package func digest(of reference: Reference) async throws(IndexError) -> BlobDigest {
        switch reference.version {
        case .tag(let tag): try await record(of: tag, of: reference.name).digest
        case .digest(let digest): digest
        }
    }

    /// Resolves a reference to its manifest, for an index also the manifests that it lists, and the origins' facts about
    /// their blobs.
    package func resolve(_ reference: Reference) async throws(IndexError) -> Resolution {
        let name = reference.name
        let found = try await asked { () throws(TagStoreError) in try await store.resolve(reference) }
        let isMutable = if case .tag(let tag) = reference.version { rules.isMutable(name, tag) } else { false }
        let manifests: [StoredManifest]
        var descriptors: [(digest: BlobDigest, size: Int64?)] = []
        let digest: BlobDigest
        switch found {
        case .manifest(let manifest)?:
            digest = manifest.digest
            manifests = try await tree(of: manifest, under: name)
            for manifest in manifests {
                descriptors += try parsed(manifest).neededBlobs.map { ($0.digest, $0.size) }
            }
        case .blob(let blob)?:
            digest = blob
            manifests = []
            descriptors = [(blob, nil)]
        case nil:
            switch reference.version {
            case .tag(let tag): throw try await noTag(tag, of: name)
            case .digest(let digest): throw .noDigest(name, digest)
            }
        }
        var seen: Set<BlobDigest> = []
        descriptors.removeAll { !seen.insert($0.digest).inserted }
        let digests = descriptors.map(\.digest)
        let known =
            digests.isEmpty
            ? [:]
            : try await answered { () throws(BlobFactsError) in
                try await facts.facts(of: digests, under: name, contents: Self.mostContents)
            }
        var left = Self.mostContents
        let blobs = descriptors.map { digest, size in
            let fact = known[digest]?.within(&left)
            return Resolution.Blob(digest: digest, size: size ?? fact?.size, fact: fact)
        }
        return Resolution(
            reference: reference, digest: digest, isMutable: isMutable, manifests: manifests, blobs: blobs)
    }

    /// A manifest, and all manifests that it lists, directly or through other indexes.
    private func tree(
        of manifest: StoredManifest, under name: ContentName
    ) async throws(IndexError) -> [StoredManifest] {
        var found: [StoredManifest] = []
        var seen: Set<BlobDigest> = [manifest.digest]
        var next = [manifest]
        var bytes = manifest.bytes.count
        while let manifest = next.popLast() {
            found.append(manifest)
            for digest in try parsed(manifest).neededManifests.map(\.digest).reversed() {
                guard seen.count < Self.mostManifests, bytes < Self.mostManifestBytes, seen.insert(digest).inserted
                else { continue }
                let part = try await asked { () throws(TagStoreError) in
                    try await store.resolve(Reference(name: name, version: .digest(digest)))
                }
                guard case .manifest(let part)? = part else { continue }
                bytes += part.bytes.count
                next.append(part)
            }
        }
        return found
    }
}

extension BlobFact {
    /// The fact, without its content if there is no more room for that in the answer.
    fileprivate func within(_ left: inout Int) -> BlobFact {
        guard let content else { return self }
        guard content.count <= min(left, Self.mostContent) else {
            return BlobFact(size: size, infoHash: infoHash, infoSHA256: infoSHA256)
        }
        left -= content.count
        return self
    }
}

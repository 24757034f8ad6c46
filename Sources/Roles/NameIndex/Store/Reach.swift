import Registry

/// Finds the manifests and blobs of one NAME that are in use. Pure.
struct Reach {
    /// A manifest of the NAME.
    struct Node {
        let digest: BlobDigest
        /// The blobs and manifests that it needs.
        let references: [BlobDigest]
        /// The manifest in its `subject`.
        let subject: BlobDigest?
    }

    /// All digests that are reached from `roots`: the roots, the blobs and manifests that reached manifests need, and the
    /// manifests whose `subject` is reached.
    static func from(_ roots: some Sequence<BlobDigest>, over nodes: [Node]) -> Set<BlobDigest> {
        var references: [BlobDigest: [BlobDigest]] = [:]
        references.reserveCapacity(nodes.count)
        for node in nodes {
            references[node.digest, default: []] += node.references
            if let subject = node.subject { references[subject, default: []].append(node.digest) }
        }
        var reached: Set<BlobDigest> = []
        var next = Array(roots)
        while let digest = next.popLast() {
            guard reached.insert(digest).inserted else { continue }
            next += references[digest] ?? []
        }
        return reached
    }
}

extension Manifest {
    /// The blobs and manifests that must be stored before this manifest, each digest once.
    var needs: [BlobDigest] {
        var seen: Set<BlobDigest> = []
        return (neededBlobs + neededManifests).map(\.digest).filter { seen.insert($0).inserted }
    }
}

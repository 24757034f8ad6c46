import Registry

/// What is in use under one NAME. Pure.
struct Reach {
    /// A manifest of the NAME.
    struct Node {
        let digest: BlobDigest
        /// What must be there for it: blobs and manifests.
        let references: [BlobDigest]
        /// The manifest that it is about.
        let subject: BlobDigest?
    }

    /// Everything that is reached from `roots`: manifests among `nodes`, what they refer to, and the manifests about those.
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
    /// All that must be stored before this is: each digest once.
    var needs: [BlobDigest] {
        var seen: Set<BlobDigest> = []
        return (neededBlobs + neededManifests).map(\.digest).filter { seen.insert($0).inserted }
    }
}

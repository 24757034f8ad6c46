import OCI
import Registry

/// The index as an origin of a cluster asks it. Before a blob is linked to a name, the task that writes it to the
/// name's back end is made durable.
struct ClusterIndex: OCIIndex {
    let index: any OCIIndex
    let tasks: BackendTasks
    let watch: ClusterWatch
    let peers: OriginPeers

    func addBlob(_ digest: BlobDigest, to name: ContentName) async throws(OCIError) {
        if tasks.areNeeded, !tasks.wasJustAdded(digest, for: name) { try await adopt(digest, name) }
        try await index.addBlob(digest, to: name)
    }

    /// For a mount: the owners have the blob already, but the back end of this name may lack it.
    private func adopt(_ digest: BlobDigest, _ name: ContentName) async throws(OCIError) {
        let placement = watch.placement
        for host in placement.takers(of: digest) {
            if host == placement.own {
                try await tasks.add(digest, for: name)
                _ = tasks.wasJustAdded(digest, for: name)
                continue
            }
            // After a failure, another owner makes the task, or a later mount does.
            await watch.whileUp(host) { [peers] in _ = try? await peers.adopt(digest, for: name, at: host) }
        }
    }

    func manifest(_ name: ContentName, _ version: Reference.Version) async throws(OCIError) -> Manifest? {
        try await index.manifest(name, version)
    }
    func put(_ manifest: Manifest, in name: ContentName, tags: [Tag], by author: Author) async throws(OCIError) {
        try await index.put(manifest, in: name, tags: tags, by: author)
    }
    func removeManifest(
        _ name: ContentName, _ digest: BlobDigest, by author: Author
    ) async throws(OCIError) -> Bool {
        try await index.removeManifest(name, digest, by: author)
    }
    func removeTag(_ name: ContentName, _ tag: Tag, by author: Author) async throws(OCIError) -> Bool {
        try await index.removeTag(name, tag, by: author)
    }
    func tags(of name: ContentName, after: String?, limit: Int) async throws(OCIError) -> [Tag]? {
        try await index.tags(of: name, after: after, limit: limit)
    }
    func names(after: String?, limit: Int) async throws(OCIError) -> [ContentName] {
        try await index.names(after: after, limit: limit)
    }
    func referrers(to digest: BlobDigest, in name: ContentName) async throws(OCIError) -> [Manifest] {
        try await index.referrers(to: digest, in: name)
    }
    func referrerList(to digest: BlobDigest, in name: ContentName) async throws(OCIError) -> [Descriptor] {
        try await index.referrerList(to: digest, in: name)
    }
    func hasBlob(_ digest: BlobDigest, in name: ContentName) async throws(OCIError) -> Bool {
        try await index.hasBlob(digest, in: name)
    }
    func removeBlob(_ digest: BlobDigest, from name: ContentName) async throws(OCIError) -> Bool {
        try await index.removeBlob(digest, from: name)
    }
}

import Registry

/// The names, tags and manifests behind the API. Every change is durable when its call returns.
package protocol OCIIndex: Sendable {
    /// Nil when the name has no such tag or manifest.
    func manifest(_ name: ContentName, _ version: Reference.Version) async throws(OCIError) -> Manifest?
    /// Stores a manifest under a name, with tags, if the name has all that it needs.
    /// - Parameter author: for the history.
    func put(_ manifest: Manifest, in name: ContentName, tags: [Tag], by author: Author) async throws(OCIError)
    /// - Returns: false when there was none.
    func removeManifest(_ name: ContentName, _ digest: BlobDigest, by author: Author) async throws(OCIError) -> Bool
    func removeTag(_ name: ContentName, _ tag: Tag, by author: Author) async throws(OCIError) -> Bool
    /// By name, after one of them; nil for a name that has nothing.
    func tags(of name: ContentName, after: String?, limit: Int) async throws(OCIError) -> [Tag]?
    func names(after: String?, limit: Int) async throws(OCIError) -> [ContentName]
    /// The manifests under a name that are about another one.
    func referrers(to digest: BlobDigest, in name: ContentName) async throws(OCIError) -> [Manifest]
    /// The same as a list has them.
    func referrerList(to digest: BlobDigest, in name: ContentName) async throws(OCIError) -> [Descriptor]

    /// Whether a blob belongs to a name: it was uploaded or mounted there.
    func hasBlob(_ digest: BlobDigest, in name: ContentName) async throws(OCIError) -> Bool
    func addBlob(_ digest: BlobDigest, to name: ContentName) async throws(OCIError)
    func removeBlob(_ digest: BlobDigest, from name: ContentName) async throws(OCIError) -> Bool
}

extension OCIIndex {
    package func referrerList(to digest: BlobDigest, in name: ContentName) async throws(OCIError) -> [Descriptor] {
        try await referrers(to: digest, in: name).map(\.referrer)
    }
}

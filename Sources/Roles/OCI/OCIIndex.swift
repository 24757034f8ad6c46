import Registry

/// The index of names, tags and manifests behind the API. Every change is durable when its call returns.
package protocol OCIIndex: Sendable {
    /// Nil when the name has no such tag or manifest.
    func manifest(_ name: ContentName, _ version: Reference.Version) async throws(OCIError) -> Manifest?
    /// Stores a manifest under a name and puts tags on it.
    /// - Parameter author: the author for the tags' history.
    /// - Throws: an error for the client, also when the name lacks a blob or manifest that the manifest needs.
    func put(_ manifest: Manifest, in name: ContentName, tags: [Tag], by author: Author) async throws(OCIError)
    /// - Returns: false when the name did not have it.
    func removeManifest(_ name: ContentName, _ digest: BlobDigest, by author: Author) async throws(OCIError) -> Bool
    func removeTag(_ name: ContentName, _ tag: Tag, by author: Author) async throws(OCIError) -> Bool
    /// Up to `limit` tags in order of their text, from the one after `after` on; nil for an unknown name.
    func tags(of name: ContentName, after: String?, limit: Int) async throws(OCIError) -> [Tag]?
    func names(after: String?, limit: Int) async throws(OCIError) -> [ContentName]
    /// The manifests under a name whose `subject` is another manifest.
    func referrers(to digest: BlobDigest, in name: ContentName) async throws(OCIError) -> [Manifest]
    /// The same, as descriptors for the list of referrers.
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

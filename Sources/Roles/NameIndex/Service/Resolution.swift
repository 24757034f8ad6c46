import Registry

/// All that a pull needs from the index, in one answer.
package struct Resolution: Hashable, Sendable {
    package let reference: Reference
    /// The digest to which the reference resolves.
    package let digest: BlobDigest
    /// Whether the reference is a mutable tag.
    package let isMutable: Bool
    /// The manifest, and the manifests that an index lists, each after the index that lists it; empty for a tagged blob.
    package let manifests: [StoredManifest]
    /// The blobs of all manifests, each once, in order.
    package let blobs: [Blob]

    package struct Blob: Hashable, Sendable {
        package let digest: BlobDigest
        /// The size in bytes from the manifest; nil for a tagged blob that no origin has now.
        package let size: Int64?
        /// The origins' facts; nil if no origin has the blob now. An agent that has the blob in its cache needs no origin.
        package let fact: BlobFact?
    }
}

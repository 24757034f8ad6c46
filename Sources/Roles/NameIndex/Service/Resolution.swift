import Registry

/// All that a pull has to know: one request.
package struct Resolution: Hashable, Sendable {
    package let reference: Reference
    /// What the reference names.
    package let digest: BlobDigest
    /// The tag may come to name something else.
    package let isMutable: Bool
    /// The manifest, and those that an index names, each after the one that names it; none for a blob.
    package let manifests: [StoredManifest]
    /// The blobs of all of them, each once, in order.
    package let blobs: [Blob]

    package struct Blob: Hashable, Sendable {
        package let digest: BlobDigest
        /// As the manifest has it; nil for a tagged blob that no origin has now.
        package let size: Int64?
        /// Nil if no origin has it now: whoever has it in a cache needs no origin.
        package let fact: BlobFact?
    }
}

// RegistryTransfer: pushes files to a registry, and pulls them from it.
//
// Purpose: a push reads and hashes each file once, uploads the blobs that the registry lacks, and puts no tag if a file
// changed meanwhile; a pull writes beside the destination, verifies every byte against its digest, and publishes by one
// rename. Must never: block a thread of Swift's cooperative pool, hold more of a file in memory than a few blocks, write
// outside of the destination, or trust a manifest's names and sizes.
//
// Not here: the HTTP API of registries (`RegistryClient`), the rules for manifests and names (`Registry`).

/// Tunables of pushes and pulls, with defaults.
package struct RegistryTransferLimits: Sendable {
    /// The most files that are pushed or pulled at the same time.
    package var atOnce = 8
    /// The number of threads that read, hash and write.
    package var threads = 4
    /// The bytes that are read, hashed and sent at a time.
    package var blockBytes = 1 << 20
    /// The most blocks of a file that are read before they can be sent.
    package var blocksAhead = 4
    /// A file of at most this many bytes is read into memory, and sent only if the registry lacks it.
    package var smallBytes = 1 << 20
    /// The bytes of one request. After an interruption, at most one request has to be sent again.
    package var partBytes: Int64 = 64 << 20
    /// The attempts in a row without a byte of progress after which a blob is given up.
    package var tries = 5
    /// Seconds before the second of these attempts. It doubles each time.
    package var firstPause = 0.5
    /// Seconds to wait while the registry is receiving another request to an upload, before a new upload is begun. Longer
    /// than a registry takes to notice that a client has disappeared, so that a push of a host that lost its power goes on
    /// too.
    package var collisionSeconds = 45.0

    package init() {}
}

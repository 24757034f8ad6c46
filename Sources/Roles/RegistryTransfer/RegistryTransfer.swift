// RegistryTransfer: files pushed to a registry, and pulled from it.
//
// Purpose: a push reads each file once, hashes what it reads, sends what the registry lacks, and tags nothing that changed
// meanwhile; a pull writes beside the destination, holds every byte against its digest, and publishes by one rename. Must
// never: block a thread of Swift's cooperative pool, hold more of a file in memory than a few blocks, write outside the
// destination, or believe a manifest's names and sizes.
//
// Not here: the HTTP of registries (`RegistryClient`), what manifests and names may be (`Registry`).

/// Tunables of pushes and pulls, with defaults.
package struct RegistryTransferLimits: Sendable {
    /// Files that are pushed or pulled at the same time.
    package var atOnce = 8
    /// Threads that read, hash and write.
    package var threads = 4
    /// Bytes read, hashed and sent at a time.
    package var blockBytes = 1 << 20
    /// Blocks of a file that are read ahead of what is sent.
    package var blocksAhead = 4
    /// A file up to this size is read whole, and sent only if the registry lacks it.
    package var smallBytes = 1 << 20
    /// Bytes of one request. After an interruption no more than one request is sent again.
    package var partBytes: Int64 = 64 << 20
    /// Tries in a row of which none brought a byte, before a blob is given up.
    package var tries = 5
    /// Seconds before the second of those tries; doubles each time.
    package var firstPause = 0.5

    package init() {}
}

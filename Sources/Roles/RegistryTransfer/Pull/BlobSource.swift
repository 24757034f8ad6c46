import Files
import Registry

/// A blob to fetch: its digest and size from a manifest.
package struct WantedBlob: Sendable, Hashable {
    package let digest: BlobDigest
    /// In bytes.
    package let size: Int64

    package init(digest: BlobDigest, size: Int64) {
        self.digest = digest
        self.size = size
    }
}

/// Reports on the fetch of a blob. They come from any thread.
package enum BlobProgress: Sendable, Hashable {
    /// The number of the blob's bytes that are on this host, from an earlier run or this one. A progress bar shows it.
    case here(Int64)
    /// The number of further bytes that were received over the network, including useless ones.
    case received(Int)
    /// All of the blob was in this host's cache.
    case cached
    /// The numbers of peers and of origins from which the blob is being received.
    case sources(peers: Int, origins: Int)
    /// Nothing is being received, for this reason.
    case waiting(String)
}

/// A source of blobs: a registry over HTTP, or a swarm.
package protocol BlobSource: Sendable {
    /// Fetches a blob into a file.
    ///
    /// The file is open for reading and writing, and no one else writes to it. It may hold bytes of an earlier call for the
    /// same blob that failed, was cancelled, or whose process was killed: the source resumes from them as far as it can
    /// verify them. When the call returns, the file has exactly the blob's bytes, all verified against its digest; zeros may
    /// be holes. The source does not sync the file to disk.
    /// - Throws: `PullError.wrongContent`, `.wrongSize` when no source has the right blob; `.registry(.unknown)` when no
    ///   source has it; `.silent` when no byte was received for too long. Bytes of the file that are right are kept.
    func fetch(
        _ blob: WantedBlob, into file: HeldFile, progress: @escaping @Sendable (BlobProgress) -> Void
    ) async throws(PullError)

    /// Passes a blob's bytes to `write` in order, as they arrive. The last part is passed only when all bytes have been
    /// verified against the digest.
    /// - Parameter write: called on a thread that may block, one call at a time.
    func stream(
        _ blob: WantedBlob, to write: @escaping @Sendable (UnsafeRawBufferPointer) throws(PullError) -> Void,
        progress: @escaping @Sendable (BlobProgress) -> Void
    ) async throws(PullError)
}

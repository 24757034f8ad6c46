import Files
import Registry

/// A blob that is wanted, as a manifest has it.
package struct WantedBlob: Sendable, Hashable {
    package let digest: BlobDigest
    /// In bytes.
    package let size: Int64

    package init(digest: BlobDigest, size: Int64) {
        self.digest = digest
        self.size = size
    }
}

/// How far a blob is. Reported from any thread.
package enum BlobProgress: Sendable, Hashable {
    /// So many bytes are here, from an earlier run or now: what a bar shows.
    case here(Int64)
    /// So many more bytes came over the network. Those that were of no use count too.
    case received(Int)
    /// How many of each the blob comes from now.
    case sources(peers: Int, origins: Int)
    /// Why nothing comes.
    case waiting(String)
}

/// Where blobs come from: a registry over HTTP, or a swarm.
package protocol BlobSource: Sendable {
    /// Brings a blob into a file.
    ///
    /// The file is open for reading and writing and nobody else writes to it. It may have what an earlier call for the same blob
    /// left when it failed, was cancelled, or its process was killed: the source goes on from there as far as it can tell. When
    /// the call returns, the file has exactly the blob's bytes, all held against its digest; zeros may be holes. Nothing is
    /// synced here.
    /// - Throws: `PullError.wrongContent`, `.wrongSize` when no source has the blob right; `.registry(.unknown)` when nobody has
    ///   it; `.silent` when nothing came for too long. What is right of the file stays.
    func fetch(
        _ blob: WantedBlob, into file: HeldFile, progress: @escaping @Sendable (BlobProgress) -> Void
    ) async throws(PullError)

    /// Gives a blob's bytes in order, as they come. The last part is given only when all of them were held against the digest.
    /// - Parameter write: called from a thread that may block, one call at a time.
    func stream(
        _ blob: WantedBlob, to write: @escaping @Sendable (UnsafeRawBufferPointer) throws(PullError) -> Void,
        progress: @escaping @Sendable (BlobProgress) -> Void
    ) async throws(PullError)
}

import Files
import Glibc
import Hashing
import Threads

/// Evicts blobs from a host's cache, so that blobs that are being fetched have room.
package struct BlobCache: Sendable {
    let node: BlobNode
    package let bounds: CacheBounds
    /// Blobs that are never evicted.
    private let pinned: @Sendable () -> Set<SHA256Digest>

    package init(
        _ node: BlobNode, _ bounds: CacheBounds, pinned: @escaping @Sendable () -> Set<SHA256Digest> = { [] }
    ) {
        self.node = node
        self.bounds = bounds
        self.pinned = pinned
    }

    /// The cache's limits on its disk, and the free bytes there; nil when the system call fails. Blocks.
    package func measured() -> (limits: CacheLimits, free: Int64)? { bounds.measured(at: node.directory.path) }

    /// When a blob was stored, in seconds since 1970; nil where blobs of any age stay: then no file needs to be looked at.
    private func storedAt(_ digest: SHA256Digest, _ limits: CacheLimits) -> Double? {
        guard limits.keptFor.isFinite, let status = try? node.directory.status(of: digest) else { return nil }
        return Double(status.modified) / 1e9
    }

    package struct Outcome: Sendable {
        package var removed: [SHA256Digest] = []
        package var isEnough = true
    }

    /// Evicts what ``CacheDecision`` chooses. Blocks on the disk.
    /// - Parameters:
    ///   - underWay: blobs that are being fetched, with their sizes in bytes.
    ///   - kept: blobs that must stay. Blobs on lease stay in any case.
    ///   - given: blobs that are still uploaded by the transfer that fetched them. The directory of such a download holds no
    ///     data to evict, but the transfer has it open.
    package func makeRoom(underWay: [SHA256Digest: Int64], kept: Set<SHA256Digest>, given: Set<SHA256Digest>) -> Outcome
    {
        guard let (limits, free) = bounds.measured(at: node.directory.path) else { return Outcome() }
        let catalogue = node.catalogue
        let kept = kept.union(pinned())
        var entries = catalogue.leastRecentlyUsed.map {
            CacheEntry(
                .blob($0.digest), size: $0.entry.size, usedAt: $0.entry.usedAt, storedAt: storedAt($0.digest, limits))
        }
        entries += Downloads(node.directory).all.filter { underWay[$0.digest] == nil && !given.contains($0.digest) }
            .map { CacheEntry(.partial($0.digest), size: $0.bytes, usedAt: $0.usedAt) }
        var (promised, outstanding): (Int64, Int64) = (0, 0)
        for (digest, size) in underWay {
            promised += size
            outstanding += max(0, size - Downloads(node.directory).bytes(of: digest))
        }
        let decision = CacheDecision(
            entries, promised: promised, outstanding: outstanding, free: free, limits: limits, now: Clocks.wallSeconds
        ) {
            if case .blob(let digest) = $0 { kept.contains(digest) || catalogue.isOnLease(digest) } else { false }
        }
        var outcome = Outcome(isEnough: decision.isEnough)
        for item in decision.evicted {
            switch item {
            // A fetch may have taken it up since the decision.
            case .partial(let digest): if !node.removeDownload(digest) { outcome.isEnough = false }
            case .blob(let digest):
                do throws(SystemError) {
                    // A reader may have leased the blob since the decision.
                    if try node.remove(digest) {
                        outcome.removed.append(digest)
                    } else if catalogue.entryOfAny(digest) != nil {
                        outcome.isEnough = false
                    }
                } catch {
                    outcome.isEnough = false
                    node.logger.warning("a blob cannot be removed", metadata: ["reason": "\(error)"])
                }
            }
        }
        return outcome
    }
}

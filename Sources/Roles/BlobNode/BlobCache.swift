import Files
import Glibc
import Hashing
import Threads

/// Removes from a host's directory what has to go, so that what comes has room.
package struct BlobCache: Sendable {
    let node: BlobNode
    package let bounds: CacheBounds
    /// Blobs that stay, whatever room is wanted.
    private let pinned: @Sendable () -> Set<SHA256Digest>

    package init(
        _ node: BlobNode, _ bounds: CacheBounds, pinned: @escaping @Sendable () -> Set<SHA256Digest> = { [] }
    ) {
        self.node = node
        self.bounds = bounds
        self.pinned = pinned
    }

    /// What the cache may take of its disk, and what is free there, in bytes; nil when the system does not tell. Blocks.
    package func measured() -> (limits: CacheLimits, free: Int64)? { bounds.measured(at: node.directory.path) }

    package struct Outcome: Sendable {
        package var removed: [SHA256Digest] = []
        package var isEnough = true
    }

    /// Blocks.
    /// - Parameters:
    ///   - underWay: blobs that are being fetched, with their bytes.
    ///   - kept: blobs that must stay; those on lease stay anyway.
    ///   - given: blobs that are given on from where they came to: what is left of their fetch is no use, but held open.
    package func makeRoom(underWay: [SHA256Digest: Int64], kept: Set<SHA256Digest>, given: Set<SHA256Digest>) -> Outcome
    {
        guard let (limits, free) = bounds.measured(at: node.directory.path) else { return Outcome() }
        let catalogue = node.catalogue
        let kept = kept.union(pinned())
        var entries = catalogue.leastRecentlyUsed.map {
            CacheEntry(.blob($0.digest), size: $0.entry.size, usedAt: $0.entry.usedAt)
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
            case .partial(let digest): Downloads(node.directory).remove(digest)
            case .blob(let digest):
                // Somebody may have begun to read it since.
                guard catalogue.removeUnused(digest) else {
                    outcome.isEnough = false
                    continue
                }
                do throws(SystemError) {
                    try node.directory.remove(digest)
                    outcome.removed.append(digest)
                } catch {
                    outcome.isEnough = false
                    node.logger.warning("a blob cannot be removed", metadata: ["reason": "\(error)"])
                }
            }
        }
        return outcome
    }
}

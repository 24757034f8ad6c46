import BlobNode
import Blobs
import ColdStore
import Database
import Files
import Hashing
import Logging
import Registry
import Threads

/// What a sweep took from the disk, or would take.
package struct Swept: Sendable, Hashable {
    package var blobs = 0
    package var bytes: Int64 = 0

    package init(blobs: Int = 0, bytes: Int64 = 0) {
        self.blobs = blobs
        self.bytes = bytes
    }
}

/// Removes from an origin's disk the blobs that no name has any more. Pushes go on beside it: whoever is about to use a blob touches
/// it first, and a blob that was touched stays.
package struct BlobSweep: Sendable {
    let node: BlobNode
    let cold: ColdStore?
    let holders: any BlobHolders
    let logger: Logger

    /// Blobs that the index is asked of at a time.
    private static let atOnce = 500

    package init(node: BlobNode, cold: ColdStore?, holders: any BlobHolders, logger: Logger) {
        self.node = node
        self.cold = cold
        self.holders = holders
        self.logger = logger
    }

    /// - Parameters:
    ///   - cutoff: seconds since 1970; what was used since then stays.
    ///   - dryRun: only counts; what names have that no tag reaches is counted too, because collection takes it from them first.
    package func run(untouchedSince cutoff: Double, dryRun: Bool) async throws(UpkeepProblem) -> Swept {
        let reached = dryRun ? try await holders.reached() : []
        var (swept, place) = (Swept(), UInt32?.some(0))
        while place != nil, !Task.isCancelled {
            let old = node.catalogue.some(from: &place, limit: Self.atOnce) { $0.usedAt < cutoff }
            if dryRun {
                for blob in old where !reached.contains(BlobDigest(blob.digest)) {
                    swept.blobs += 1
                    swept.bytes += blob.entry.size
                }
                continue
            }
            guard !old.isEmpty else { continue }
            let held = try await holders.held(old.map { BlobDigest($0.digest) })
            for blob in old where !held.contains(BlobDigest(blob.digest)) {
                guard await remove(blob.digest, untouchedSince: cutoff) else { continue }
                swept.blobs += 1
                swept.bytes += blob.entry.size
            }
        }
        return swept
    }

    private func remove(_ digest: SHA256Digest, untouchedSince cutoff: Double) async -> Bool {
        do {
            if let cold, try await cold.writeBack.isWaiting(BlobDigest(digest)) { return false }
        } catch {
            return false
        }
        return await Threads.offload {
            do throws(SystemError) {
                return try node.directory.remove(digest) {
                    // Somebody may have used it, or begun to, since the index was asked.
                    node.catalogue.remove(digest, unlessUsedAfter: cutoff)
                }
            } catch {
                logger.warning("a blob cannot be removed", metadata: ["blob": "\(digest)", "reason": "\(error)"])
                return false
            }
        }
    }
}

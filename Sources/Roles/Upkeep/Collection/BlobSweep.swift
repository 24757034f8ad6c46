import BlobNode
import Blobs
import ColdStore
import Database
import Files
import Hashing
import Logging
import Registry
import Threads

/// What a sweep removed from the disk, or would remove.
package struct Swept: Sendable, Hashable {
    package var blobs = 0
    package var bytes: Int64 = 0

    package init(blobs: Int = 0, bytes: Int64 = 0) {
        self.blobs = blobs
        self.bytes = bytes
    }
}

/// Removes from an origin's disk the blobs that no name has any more. Pushes may run at the same time: a push touches a blob
/// before it relies on it, and a blob that was touched after the cutoff stays.
package struct BlobSweep: Sendable {
    let node: BlobNode
    let cold: ColdStore?
    let holders: any BlobHolders
    let logger: Logger

    /// The most blobs in one request to the index.
    private static let atOnce = 500

    package init(node: BlobNode, cold: ColdStore?, holders: any BlobHolders, logger: Logger) {
        self.node = node
        self.cold = cold
        self.holders = holders
        self.logger = logger
    }

    /// - Parameters:
    ///   - cutoff: seconds since 1970. Blobs that were used since then stay.
    ///   - dryRun: only counts. Blobs that names have but no tag reaches are counted too, because a garbage collection of
    ///     the index would take them from their names first.
    package func run(untouchedSince cutoff: Double, dryRun: Bool) async throws(UpkeepProblem) -> Swept {
        let reached = dryRun ? try await holders.reached() : nil
        var (swept, place) = (Swept(), UInt32?.some(0))
        while place != nil, !Task.isCancelled {
            let old = node.catalogue.some(from: &place, limit: Self.atOnce) { $0.usedAt < cutoff }
            guard !old.isEmpty else { continue }
            let held: Set<BlobDigest>
            if let reached { held = reached } else { held = try await holders.held(old.map { BlobDigest($0.digest) }) }
            let free = old.filter { !held.contains(BlobDigest($0.digest)) }
            for blob in dryRun ? free : try await remove(free, untouchedSince: cutoff) {
                swept.blobs += 1
                swept.bytes += blob.entry.size
            }
        }
        return swept
    }

    private typealias Old = (digest: SHA256Digest, entry: BlobCatalogue.Entry)

    /// Hides blobs, asks the index once more, and deletes those that still no name has: a name may have got one meanwhile,
    /// for example through another origin.
    /// - Returns: the blobs that were deleted.
    private func remove(_ blobs: [Old], untouchedSince cutoff: Double) async throws(UpkeepProblem) -> [Old] {
        var hidden: [(blob: Old, hidden: BlobCatalogue.Removed)] = []
        for blob in blobs {
            guard await !isWaiting(blob.digest) else { continue }
            // A request may have used the blob since the index was asked.
            if let found = node.catalogue.take(blob.digest, unlessUsedAfter: cutoff) { hidden.append((blob, found)) }
        }
        guard !hidden.isEmpty else { return [] }
        let held: Set<BlobDigest>
        do throws(UpkeepProblem) { held = try await holders.held(hidden.map { BlobDigest($0.blob.digest) }) } catch {
            for (blob, found) in hidden { await show(blob, found) }
            throw error
        }
        var gone: [Old] = []
        for (blob, found) in hidden {
            if held.contains(BlobDigest(blob.digest)) {
                await show(blob, found)
            } else if await delete(blob, found) {
                gone.append(blob)
            }
        }
        return gone
    }

    private func isWaiting(_ digest: SHA256Digest) async -> Bool {
        guard let cold else { return false }
        return (try? await cold.writeBack.isWaiting(BlobDigest(digest))) ?? true
    }

    /// Shows a hidden blob again, unless it was pushed again meanwhile.
    private func show(_ blob: Old, _ hidden: BlobCatalogue.Removed) async {
        await Threads.offload {
            // Without its torrent a blob cannot be given.
            let info = try? node.info(of: blob.digest)
            guard info != nil || blob.entry.size == 0 else { return }
            node.catalogue.restore(hidden)
        }
    }

    private func delete(_ blob: Old, _ hidden: BlobCatalogue.Removed) async -> Bool {
        let digest = blob.digest
        let isGone = await Threads.offload { () -> Bool? in
            do throws(SystemError) {
                return try node.directory.remove(digest) {
                    node.catalogue.entryOfAny(digest) == nil && !node.catalogue.isOnLease(digest)
                }
            } catch {
                logger.warning("a blob cannot be removed", metadata: ["blob": "\(digest)", "reason": "\(error)"])
                return nil
            }
        }
        // What the disk did not let go is found again by the next sweep.
        if isGone == nil { await show(blob, hidden) }
        return isGone ?? false
    }
}

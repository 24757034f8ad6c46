import Hashing
import Metainfo

/// The transfers of a node, by the info hash that a peer's handshake names. Stopped transfers are removed from time to
/// time; the cost is proportional to the number of added ones.
struct TransferIndex {
    private(set) var all: [Transfer] = []
    private var byHash: [SHA1Digest: [Transfer]] = [:]
    private var sweepAt = 64

    /// Adds a transfer, or more hashes of one that is here: what was begun from a magnet link may get another once its metadata
    /// is known.
    /// - Parameter isStopped: whether one may be let go of.
    mutating func add(_ transfer: Transfer, hashes: [SHA1Digest], isStopped: (Transfer) -> Bool) {
        if all.count >= sweepAt {
            all.removeAll(where: isStopped)
            byHash = byHash.compactMapValues { transfers in
                let left = transfers.filter { !isStopped($0) }
                return left.isEmpty ? nil : left
            }
            sweepAt = max(64, 2 * all.count)
        }
        var isNew = true
        for hash in hashes {
            let known = byHash[hash]?.contains { $0 === transfer } ?? false
            if known { isNew = false } else { byHash[hash, default: []].append(transfer) }
        }
        if isNew { all.append(transfer) }
    }

    /// Those that may be meant, in the order in which they were added.
    subscript(hash: SHA1Digest) -> [Transfer] { byHash[hash] ?? [] }
}

import Hashing
import Metainfo

/// The transfers of a node, found by the hash that a peer's handshake names. Those that were stopped are let go of now and
/// then: the time that takes is in proportion to how many were added.
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

import Hashing

/// The transfers of a node, found by the hash that a peer's handshake names. Those that were stopped are let go of now and
/// then: the time that takes is in proportion to how many were added.
struct TransferIndex {
    private(set) var all: [Transfer] = []
    private var byHash: [SHA1Digest: [Transfer]] = [:]
    /// Begun from a magnet link: peers may ask for them by another hash once their metadata is known.
    private var others: [Transfer] = []
    private var sweepAt = 64

    /// - Parameter isStopped: whether one may be let go of.
    mutating func add(
        _ transfer: Transfer, hashes: [SHA1Digest], mayHaveMore: Bool, isStopped: (Transfer) -> Bool
    ) {
        if all.count >= sweepAt {
            all.removeAll(where: isStopped)
            others.removeAll(where: isStopped)
            byHash = byHash.compactMapValues { transfers in
                let left = transfers.filter { !isStopped($0) }
                return left.isEmpty ? nil : left
            }
            sweepAt = max(64, 2 * all.count)
        }
        all.append(transfer)
        for hash in hashes { byHash[hash, default: []].append(transfer) }
        if mayHaveMore { others.append(transfer) }
    }

    /// Those that may be meant, each once, in the order in which they were added.
    func forEach(of hash: SHA1Digest, _ body: (Transfer) -> Void) {
        let named = byHash[hash] ?? []
        for transfer in named { body(transfer) }
        for transfer in others where !named.contains(where: { $0 === transfer }) { body(transfer) }
    }
}

import Hashing

/// The transfers of a node, by the info hash that a peer's handshake names. Stopped transfers are removed from time to
/// time; the cost is proportional to the number of added ones.
struct TransferIndex {
    private(set) var all: [Transfer] = []
    private var byHash: [SHA1Digest: [Transfer]] = [:]
    /// Transfers from magnet links: peers may ask for them by another hash when their metadata is known.
    private var others: [Transfer] = []
    private var sweepAt = 64

    /// - Parameter isStopped: whether a transfer may be removed.
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

    /// Calls `body` once for each transfer that may be meant, in the order of adding.
    func forEach(of hash: SHA1Digest, _ body: (Transfer) -> Void) {
        let named = byHash[hash] ?? []
        for transfer in named { body(transfer) }
        for transfer in others where !named.contains(where: { $0 === transfer }) { body(transfer) }
    }
}

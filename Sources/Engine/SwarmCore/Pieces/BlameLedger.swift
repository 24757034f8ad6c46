import Hashing

/// Finds the peer that sent the corrupt block of a piece that failed verification, so that honest peers that sent the
/// other blocks stay connected.
///
/// If one peer sent the whole piece, it is the culprit. If several did, the digest of each block is kept. When the
/// piece is correct later (from a single peer, see ``OpenPiece/exclusiveOwner``), the blocks that differ reveal their
/// senders.
package struct BlameLedger: Sendable {
    private struct Suspicion: Sendable {
        var blocks: [(sender: PeerKey?, digest: SHA1Digest)]
    }

    /// Maximum number of pieces whose failed versions are remembered.
    private static let capacity = 64
    private var suspicions: [Int: [Suspicion]] = [:]

    package init() {}

    /// Pieces that failed verification and have not been correct since, in order.
    var suspects: [Int] { suspicions.isEmpty ? [] : suspicions.keys.sorted() }

    package func isSuspect(_ piece: Int) -> Bool { suspicions[piece] != nil }

    /// - Returns: the culprit, if there is only one sender.
    package mutating func failed(_ piece: Int, senders: [PeerKey?], digests: [SHA1Digest]) -> PeerKey? {
        let known = Set(senders.compactMap { $0 })
        if known.count == 1 {
            if suspicions[piece] == nil { suspicions[piece] = [] }
            return known.first
        }
        if suspicions.count >= Self.capacity, suspicions[piece] == nil, let some = suspicions.keys.min() {
            suspicions[some] = nil
        }
        let blocks = zip(senders, digests).map { (sender: $0, digest: $1) }
        suspicions[piece, default: []].append(Suspicion(blocks: blocks))
        return nil
    }

    /// The piece is correct now. Returns the peers that sent different bytes before.
    package mutating func verified(_ piece: Int, digests: [SHA1Digest]) -> Set<PeerKey> {
        var culprits: Set<PeerKey> = []
        for suspicion in suspicions.removeValue(forKey: piece) ?? [] {
            for (block, digest) in zip(suspicion.blocks, digests) where block.digest != digest {
                if let sender = block.sender { culprits.insert(sender) }
            }
        }
        return culprits
    }
}

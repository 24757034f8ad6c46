import Hashing

/// Finds who sent the bad block of a piece that did not verify, so that honest peers who sent the rest stay.
///
/// A piece from one sender has one culprit. Of one with several, each block's digest is kept; when the piece has come
/// right (from a single peer, see ``OpenPiece/exclusiveOwner``) the blocks that differ name their senders.
struct BlameLedger: Sendable {
    private struct Suspicion: Sendable {
        var blocks: [(sender: PeerKey?, digest: SHA1Digest)]
    }

    /// Pieces whose failed versions are remembered at most.
    private static let capacity = 64
    private var suspicions: [Int: [Suspicion]] = [:]

    /// Pieces that came wrong and have not come right since, in order.
    var suspects: [Int] { suspicions.isEmpty ? [] : suspicions.keys.sorted() }

    func isSuspect(_ piece: Int) -> Bool { suspicions[piece] != nil }

    /// - Returns: the culprit, when there is only one sender.
    mutating func failed(_ piece: Int, senders: [PeerKey?], digests: [SHA1Digest]) -> PeerKey? {
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

    /// The piece is right now: who sent other bytes before?
    mutating func verified(_ piece: Int, digests: [SHA1Digest]) -> Set<PeerKey> {
        var culprits: Set<PeerKey> = []
        for suspicion in suspicions.removeValue(forKey: piece) ?? [] {
            for (block, digest) in zip(suspicion.blocks, digests) where block.digest != digest {
                if let sender = block.sender { culprits.insert(sender) }
            }
        }
        return culprits
    }
}

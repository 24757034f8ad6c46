import Address
import BlobNode
import Registry
import Threads

/// Reports corrupt pieces to the origins that sent them. An origin with a bad disk then stops sending such a piece
/// until it has repaired it. Meanwhile this host goes on requesting other pieces from that origin.
extension Agent {
    func reportFalsePieces() {
        node.onFalsePiece { [view] digest, peer, piece in view.isMended(peer, piece: piece, of: BlobDigest(digest)) }
    }
}

extension RegistryView {
    /// Whether the sender of a corrupt piece is an origin. If so, reports the piece to it, and the origin is not
    /// banned.
    nonisolated func isMended(_ peer: PeerAddress, piece: Int, of digest: BlobDigest) -> Bool {
        guard isOrigin(peer) else { return false }
        Task { await report(piece, of: digest, from: peer, now: Clocks.steadySeconds) }
        return true
    }
}

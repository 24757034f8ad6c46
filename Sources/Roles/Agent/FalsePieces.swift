import Address
import BlobNode
import Registry
import Threads

/// An origin whose disk is bad sends wrong pieces. It is told so, gives them no more, and mends them: meanwhile it is asked for the
/// others, and after that for these.
extension Agent {
    func reportFalsePieces() {
        node.onFalsePiece { [view] digest, peer, piece in view.isMended(peer, piece: piece, of: BlobDigest(digest)) }
    }
}

extension RegistryView {
    /// Whether the peer that sent a wrong piece is an origin: that is told so, and may be asked again later.
    nonisolated func isMended(_ peer: PeerAddress, piece: Int, of digest: BlobDigest) -> Bool {
        guard isOrigin(peer) else { return false }
        Task { await report(piece, of: digest, from: peer, now: Clocks.steadySeconds) }
        return true
    }
}

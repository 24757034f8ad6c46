import BlobNode
import Registry
import Threads

/// An origin whose disk is bad sends wrong pieces. It is told so, gives them no more, and mends them: meanwhile it is asked for the
/// others, and after that for these.
extension Agent {
    func reportFalsePieces() {
        node.onFalsePiece { [view] digest, peer, piece in
            guard view.isOrigin(peer) else { return false }
            Task { await view.report(piece, of: BlobDigest(digest), from: peer, now: Clocks.steadySeconds) }
            return true
        }
    }
}

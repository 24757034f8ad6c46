import Admission
import PeerWire

/// Who a peer is: its id at its address (an IPv4 address, or a /64). Anybody can say an id that he has heard; taken alone
/// it would let a stranger shut out the peer whose id it is.
struct PeerIdentity: Hashable, Sendable {
    let id: PeerID
    let source: Source
}

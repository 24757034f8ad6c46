import PeerWire
import Reactor

/// From the loop that listens to the one where the torrent lives. Only a connection whose torrent is being looked up moves: it
/// has a stream, a place in the budget, a deadline and what was read of a handshake, and nobody knows of it.
extension PeerConnection {
    /// Gives up the connection. Nothing of it is left here.
    /// - Returns: nil when it is closed or has a torrent.
    func depart() -> ConnectionInTransit? {
        guard isIncoming, owner == nil, let (handshaking, ticket) = giveUp() else { return nil }
        return ConnectionInTransit(
            stream: stream, address: address, exchange: handshaking.exchange, eviction: handshaking.eviction,
            deadline: handshaking.deadlineAt, ticket: ticket)
    }

    /// Goes on where the loop before stopped: its torrent has been looked up here.
    func arrive() {
        guard case .handshaking(let handshaking) = phase else { return }
        handshaking.eviction?.follow(self)
        limitTime(of: handshaking, until: handshaking.deadlineAt)
        if handshaking.isAwaitingTorrent { return want([]) }
        handshaking.isAwaitingTorrent = true
        resumeHandshake()
    }
}

/// How much of the uplink is granted: bytes of unfinished grants, and of requests with a grant that have not been sent.
///
/// The sums are always those over the grants of all peers, because bytes and slowness of a peer's grants change only
/// through ``change(_:_:_:)``.
struct GrantedBytes: Sendable {
    /// A slow grant counts this many times less than another, so there may be this many times as many.
    private static let slowShare = 4

    /// Bytes of peers that are not slow.
    private(set) var spoken = 0
    /// Bytes of slow peers, as far as they count.
    private(set) var slowSpoken = 0

    /// - Parameter target: bytes to grant at the same time.
    func total(target: Int) -> Int {
        // However many peers are slow, half of the uplink is for others.
        spoken + min(slowSpoken, target / 2)
    }

    /// Changes the grants of a peer, and updates the sums.
    mutating func change(
        _ peer: PeerTable.Place, _ swarm: inout SwarmState, _ body: (inout GrantsOfPeer) -> Void
    ) {
        count(peer, -1, &swarm)
        body(&swarm.peers[peer].grants)
        // A peer with nothing in flight is not slow.
        if !swarm.peers[peer].grants.isBusy {
            (swarm.peers[peer].grants.isSlow, swarm.peers[peer].grants.isStill) = (false, false)
        }
        count(peer, 1, &swarm)
    }

    private mutating func count(_ peer: PeerTable.Place, _ sign: Int, _ swarm: inout SwarmState) {
        let bytes = swarm.peers[peer].grants.queued + swarm.peers[peer].grants.given.count * swarm.layout.pieceLength
        if !swarm.peers[peer].grants.isSlow {
            spoken += sign * bytes
        } else if !swarm.peers[peer].grants.isStill {
            slowSpoken += sign * (bytes / Self.slowShare)
        }
    }
}

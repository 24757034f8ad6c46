/// How much of the uplink is granted: bytes of unfinished grants, and of requests with a grant that have not been sent.
///
/// The sums are always those over the grants of all peers, because bytes and slowness of a peer's grants change only
/// through ``change(_:_:_:)``.
package struct GrantedBytes: Sendable {
    /// A slow grant counts this many times less than another, so there may be this many times as many.
    private static let slowShare = 4
    /// Seconds without a byte after which a slow grant no longer counts.
    private static let still = 5.0
    /// Seconds after which a grant without a request no longer counts.
    private static let answer = 1.0

    /// Bytes of peers that are not slow.
    package private(set) var spoken = 0
    /// Bytes of slow peers, as far as they count.
    package private(set) var slowSpoken = 0

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

    /// Grants that are not used in time count as slow, and those that are not used at all no longer count.
    /// - Parameter patience: seconds from a grant to the last of its bytes.
    mutating func passOverSlow(
        patience: Double, _ swarm: inout SwarmState, _ dispatcher: inout PieceDispatcher?, now: Double
    ) {
        for key in swarm.peers.keys {
            guard let peer = swarm.peers.place(of: key), swarm.peers[peer].grants.isBusy,
                !swarm.peers[peer].grants.isStill
            else { continue }
            let roundTrips = 2 * swarm.peers[peer].traits.longRoundTrip
            if swarm.peers[peer].grants.isSlow {
                guard now - swarm.peers[peer].grants.movedAt > Self.still + roundTrips else { continue }
                change(peer, &swarm) { $0.isStill = true }
                // Pieces that were dispatched to this peer go to others.
                dispatcher?.withdrawAll(from: key)
                continue
            }
            let longest = swarm.peers[peer].grants.queued > 0 ? patience : min(patience, Self.answer)
            if now - swarm.peers[peer].grants.since > longest + roundTrips {
                change(peer, &swarm) { $0.isSlow = true }
            }
        }
    }
}

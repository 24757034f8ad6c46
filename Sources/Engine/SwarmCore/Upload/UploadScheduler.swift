import Metainfo
import PeerWire

/// Decides which peers to serve, when, and which pieces a seed gives out first.
///
/// Events are calls; messages to send are appended to ``SwarmState/actions``. A peer is served in a slot of the choker,
/// or with upload grants if many peers are interested. Never serves a piece that is not stored, and nothing to a peer
/// without a slot or a grant.
package struct UploadScheduler: Sendable {
    var choker = Choker()
    var nextChokeAt = 0.0
    var freeSlots = FreeSlots()
    package var grants: UploadGrants
    package var precedence: Precedence
    /// The dispatcher of a seed; nil before seeding, and where dispatching brings no gain.
    package var dispatcher: PieceDispatcher?
    /// Whether super-seeding is over.
    var isRevealed = false
    var uplink: UplinkWatch

    init(configuration: SwarmConfiguration, pieceLength: Int, now: Double) {
        choker.limits = configuration.choker
        grants = UploadGrants(pieceLength: pieceLength, now: now)
        precedence = Precedence(now: now)
        uplink = UplinkWatch(now: now)
    }

    /// Call a few times a second.
    mutating func tick(_ swarm: inout SwarmState, _ availability: [UInt16], now: Double) {
        freeSlots.forget()
        uplink.look(&swarm, now: now)
        precedence.look(isDispatching: isDispatching, &swarm, now: now)
        if swarm.egress != nil { lookAtBudget(&swarm, availability, now: now) }
        lookAtGrants(&swarm, availability, now: now)
        rechoke(&swarm, availability, now: now)
        guard swarm.isFinished else { return }
        dispatcher?.reclaim(givenBefore: now - swarm.configuration.assignmentPatience)
        dispatchAll(&swarm, availability, now: now)
        revealIfSpread(&swarm)
    }

    /// A peer is about to leave: frees its slot and its grants.
    mutating func leaving(_ key: PeerKey, _ swarm: inout SwarmState) {
        grants.revoke(from: key, &swarm, &dispatcher)
        if let place = swarm.peers.place(of: key), swarm.peers[place].isInterested, !swarm.peers[place].amChoking,
            !grants.serve(key, &swarm)
        {
            freeSlots.taken(-1)
        }
    }

    /// The peer has left. Dispatched pieces that only it had are dispatched again.
    mutating func left(
        _ key: PeerKey, wasServed: Bool, wasFull: Bool, _ swarm: inout SwarmState, _ availability: [UInt16], now: Double
    ) {
        dispatcher?.removePeer(key)
        swarm.egress?.left(key, wasFull: wasFull, now: now)
        if dispatcher != nil, !isRevealed, swarm.egress?.mayOthersGive(now: now) != true {
            dispatcher?.restore { availability[$0] == 0 && swarm.canServe($0) }
        }
        if wasServed { nextChokeAt = min(nextChokeAt, now) }
    }

    // MARK: Upload grants

    private mutating func lookAtGrants(_ swarm: inout SwarmState, _ availability: [UInt16], now: Double) {
        guard let change = grants.look(&swarm, &dispatcher, availability, now: now) else { return }
        if change == .ended {
            for key in swarm.peers.keys {
                grants.revoke(from: key, &swarm, &dispatcher)
                // Suggestions come first, so that the peer's next requests are for its suggested pieces.
                dispatch(key, &swarm, availability, now: now)
                grants.announce(to: key, &swarm)
            }
        }
        nextChokeAt = min(nextChokeAt, now)
    }

    /// The peer has sent all requests that use its grant.
    mutating func receivedGrantOver(from key: PeerKey, _ swarm: inout SwarmState, _ availability: [UInt16], now: Double)
    {
        grants.receivedGrantOver(from: key, &swarm, &dispatcher, availability, now: now)
    }

    /// The peer takes no grants any more.
    mutating func lostGrantSupport(of key: PeerKey, _ swarm: inout SwarmState) {
        guard let peer = swarm.peers.place(of: key), swarm.peers[peer].grants.isTold else { return }
        grants.revoke(from: key, &swarm, &dispatcher)
        swarm.peers[peer].grants.isTold = false
    }

    /// Whether our holdings are hidden from peers, see ``SwarmConfiguration/superSeed``.
    func hidesHoldings(_ swarm: inout SwarmState) -> Bool {
        swarm.configuration.superSeed && swarm.isFinished && !isRevealed
    }
}

import Metainfo
import PeerWire

/// Decides whom to serve, when, and which pieces a seed gives out first.
///
/// It is told events, and puts what is to be said into ``SwarmState/actions``. A peer is served by a slot of the choker,
/// or by upload grants where many want something. It never serves a piece that is not stored, and a peer without a slot
/// or a grant gets nothing.
struct UploadScheduler: Sendable {
    var choker = Choker()
    var nextChokeAt = 0.0
    var freeSlots = FreeSlots()
    var grants: UploadGrants
    var precedence: Precedence
    /// Of a seed that gives pieces out one by one; nil before, and where that spares nothing.
    var dispatcher: PieceDispatcher?
    /// Super-seeding is over.
    var isRevealed = false
    var uplink: UplinkWatch

    init(configuration: SwarmConfiguration, pieceLength: Int, now: Double) {
        choker.limits = configuration.choker
        grants = UploadGrants(width: GrantWidth(pieceLength: pieceLength, now: now))
        precedence = Precedence(now: now)
        uplink = UplinkWatch(now: now)
    }

    /// Call a few times a second.
    mutating func tick(_ swarm: inout SwarmState, _ availability: [UInt16], now: Double) {
        freeSlots.forget()
        uplink.look(&swarm, now: now)
        precedence.look(isDispatching: isDispatching, &swarm, now: now)
        lookAtGrants(&swarm, availability, now: now)
        rechoke(&swarm, availability, now: now)
        guard swarm.isFinished else { return }
        dispatcher?.reclaim(givenBefore: now - swarm.configuration.assignmentPatience)
        dispatchAll(&swarm, availability, now: now)
        revealIfSpread(&swarm)
    }

    /// A peer is about to go: what it had of the uplink is free.
    mutating func leaving(_ key: PeerKey, _ swarm: inout SwarmState) {
        revokeGrants(from: key, &swarm)
        if let place = swarm.peers.place(of: key), swarm.peers[place].isInterested, !swarm.peers[place].amChoking,
            !usesGrants(key, &swarm)
        {
            freeSlots.taken(-1)
        }
    }

    /// The peer has gone. Pieces that it alone had of us are given out again.
    mutating func left(
        _ key: PeerKey, wasServed: Bool, _ swarm: inout SwarmState, _ availability: [UInt16], now: Double
    ) {
        dispatcher?.removePeer(key)
        if dispatcher != nil, !isRevealed {
            dispatcher?.restore { availability[$0] == 0 && swarm.canServe($0) }
        }
        if wasServed { nextChokeAt = min(nextChokeAt, now) }
    }

    /// Whether our holdings are kept from peers, see ``SwarmConfiguration/superSeed``.
    func hidesHoldings(_ swarm: inout SwarmState) -> Bool {
        swarm.configuration.superSeed && swarm.isFinished && !isRevealed
    }
}

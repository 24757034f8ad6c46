/// What a transfer achieves of what its lines and its machine allow, and which of them holds it back: the answer to "is
/// this as fast as it can be, and if not, what would help?".
public struct Efficiency: Sendable, Equatable {
    /// What can hold a transfer back.
    public enum Limit: String, Sendable, CaseIterable {
        /// What we lack is with seeds alone, and comes as fast as they send.
        case seedUplink = "seed-uplink"
        /// Other receivers have what we lack, and send it as fast as they can, or do.
        case sumOfUplinks = "sum-of-uplinks"
        /// The receiver's own line, or the limit that it was given.
        case receiverDownlink = "receiver-downlink"
        /// Storing what came.
        case disk
        /// Verifying what came.
        case hashing
        /// Nobody who is connected has what we lack, or gives it to us.
        case noSource = "no-source"
    }

    /// Bytes per second on average, from the first request to now or the end.
    public var achieved: Double
    /// Bytes per second that the known limits allow; nil when none is known.
    public var bound: Double?
    /// What holds the transfer back: the least of the known limits when it comes near to it, else what it was seen to
    /// wait for most of the time. Nil before anything can be said.
    public var limit: Limit?
    /// Share of the time, 0 to 1, in which nobody gave anything.
    public var starved: Double
    /// Limits that nobody told us: `bound` might be lower if we knew.
    public var unknown: [Limit]

    /// What was achieved over what is possible, 0 to 1; nil where no bound is known. Rates are measured over different
    /// times, so what would be more than all is all.
    public var ratio: Double? { bound.map { $0 > 0 ? min(1, achieved / $0) : 1 } }

    public init(achieved: Double, bound: Double?, limit: Limit?, starved: Double = 0, unknown: [Limit]) {
        self.achieved = achieved
        self.bound = bound
        self.limit = limit
        self.starved = starved
        self.unknown = unknown
    }
}

/// Who could give us what we lack at one moment.
public struct Supply: Sendable, Equatable {
    /// Peers and web seeds that have everything, and what their uplinks come to in bytes per second; nil when one has
    /// not said its own.
    public var seeds = 0
    public var seedUplink: Double? = 0
    /// Peers that are fetching too, likewise.
    public var leechers = 0
    public var leecherUplink: Double? = 0
    /// Somebody lets us ask for something that we lack.
    public var isOffered = false
    /// Of what we lack, the share that the peer which has most of it, and is fetching too, has: 0 to 1.
    public var mostAhead = 0.0

    public init() {}
}

extension SwarmMachine {
    /// Who could give us what we lack now.
    public var supply: Supply {
        var supply = Supply()
        for key in swarm.peers.keys {
            guard let peer = swarm.peers[key] else { continue }
            let uplink = peer.traits.uplink.map(Double.init)
            let isSeed = peer.countsAsFull || peer.traits.isWebSeed
            if isSeed {
                supply.seeds += 1
                supply.seedUplink = sum(supply.seedUplink, uplink)
            } else {
                supply.leechers += 1
                supply.leecherUplink = sum(supply.leecherUplink, uplink)
                supply.mostAhead = max(supply.mostAhead, Double(peer.wantedCount) / Double(max(1, swarm.missingCount)))
            }
            if peer.wantedCount > 0, !peer.isChokingUs || !peer.outstanding.isEmpty { supply.isOffered = true }
        }
        return supply
    }

    private func sum(_ one: Double?, _ other: Double?) -> Double? {
        guard let one, let other else { return nil }
        return one + other
    }
}

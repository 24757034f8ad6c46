/// How fast a transfer is compared with what uplinks, downlinks, disks and processors allow, and which of them limits
/// it. Answers the question "is this as fast as it can be, and if not, what would help?".
public struct Efficiency: Sendable, Equatable {
    /// The resource that limits a transfer.
    public enum Limit: String, Sendable, CaseIterable {
        /// Only seeds have the missing pieces, and send them at their full rate.
        case seedUplink = "seed-uplink"
        /// Other receivers have the missing pieces, and send them at their full rate or could.
        case sumOfUplinks = "sum-of-uplinks"
        /// The receiver's own downlink or download limit.
        case receiverDownlink = "receiver-downlink"
        /// Writing the received data.
        case disk
        /// Verifying the received data.
        case hashing
        /// No connected peer has the missing pieces, or none uploads them to us.
        case noSource = "no-source"
    }

    /// Average rate in bytes per second, from the first request to now or to the end.
    public var achieved: Double
    /// Rate in bytes per second that the known limits allow; nil if no limit is known.
    public var bound: Double?
    /// The resource that limits the transfer: the lowest known limit if the rate is close to it, else the resource that
    /// the transfer waited for most of the time. Nil until there is enough data.
    public var limit: Limit?
    /// Share of the time, 0 to 1, in which no source sent anything.
    public var starved: Double
    /// Limits with unknown values: `bound` might be lower if they were known.
    public var unknown: [Limit]

    /// `achieved` divided by `bound`, 0 to 1; nil if no bound is known. The two are measured over different times, so
    /// values above 1 are clamped.
    public var ratio: Double? { bound.map { $0 > 0 ? min(1, achieved / $0) : 1 } }

    public init(achieved: Double, bound: Double?, limit: Limit?, starved: Double = 0, unknown: [Limit]) {
        self.achieved = achieved
        self.bound = bound
        self.limit = limit
        self.starved = starved
        self.unknown = unknown
    }
}

/// The sources that could send us missing pieces at one moment.
public struct Supply: Sendable, Equatable {
    /// Number of peers and web seeds that have everything, and the sum of their uplinks in bytes per second; nil if one
    /// of them has not told its uplink.
    public var seeds = 0
    public var seedUplink: Double? = 0
    /// The same for peers that are still downloading.
    public var leechers = 0
    public var leecherUplink: Double? = 0
    /// Whether some peer would answer a request for a missing piece.
    public var isOffered = false
    /// Of the pieces we are missing, the largest share that a peer which is still downloading has: 0 to 1.
    public var mostAhead = 0.0

    public init() {}
}

extension SwarmMachine {
    /// The sources that could send us missing pieces now.
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

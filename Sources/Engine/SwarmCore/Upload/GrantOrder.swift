/// Which peer gets the next upload grant: the one without a grant for longest, among those with the fewest bytes
/// granted.
///
/// A peer that has fewer pieces than the average is served earlier, one that has more later. With too much of that, all
/// hosts would serve the same peer; with too little, peers that are behind would fall further behind.
struct GrantOrder: Sendable {
    private enum Constant {
        /// A peer is served earlier or later by at most this share of the waiting peers.
        static let mostLead = 0.5
        /// For each piece more or less than the average: one in this many of the waiting peers.
        static let lead = 12
    }

    /// Serial number of the last grant.
    private(set) var serial = 0
    /// Average number of pieces that interested peers have; for each piece that a peer is behind that average, the
    /// number of places by which it is served earlier, and the maximum of that.
    private var meanHoldings = 0
    private var lead = 1
    private var mostLead = 0

    /// - Parameters:
    ///   - takers: number of interested peers that support grants.
    ///   - holdings: number of pieces that they have together.
    mutating func measured(takers: Int, holdings: Int) {
        meanHoldings = holdings / max(1, takers)
        lead = max(1, takers / Constant.lead)
        mostLead = Int(Double(takers) * Constant.mostLead)
    }

    /// The peer gets a grant now: it is the last one to get the next.
    mutating func granted(to peer: PeerTable.Place, _ swarm: inout SwarmState) {
        serial += 1
        swarm.peers[peer].grants.serial = serial
    }

    /// The peer to grant the uplink to; nil if none of those that wait may have a grant now.
    /// - Parameter honoursBars: leave out peers that get no second copies.
    func next(_ swarm: inout SwarmState, honoursBars: Bool = false, now: Double) -> PeerKey? {
        guard swarm.flood.looks.spend(swarm.peers.count) else { return nil }
        var best: (key: PeerKey, load: Int, place: Int)?
        for key in swarm.peers.keys {
            guard let peer = swarm.peers.place(of: key), swarm.peers[peer].grants.isTold,
                swarm.peers[peer].isInterested, !swarm.peers[peer].amChoking,
                !swarm.peers[peer].grants.isSlow, now >= swarm.peers[peer].grants.pausedUntil,
                !swarm.peers[peer].grants.isLast, !(honoursBars && swarm.peers[peer].grants.isBarred)
            else { continue }
            let load = swarm.peers[peer].grants.given.count * swarm.layout.pieceLength + swarm.peers[peer].grants.queued
            let behind = (meanHoldings - swarm.peers[peer].holdings.count) * lead
            let place = swarm.peers[peer].grants.serial - max(-mostLead, min(mostLead, behind))
            if let best, (best.load, best.place) <= (load, place) { continue }
            best = (key, load, place)
        }
        return best?.key
    }
}

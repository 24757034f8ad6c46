import Address

/// A tracker for the jobs of a fleet: the peers of each job, which announce over the agents' link to control. In memory
/// only. Pure.
///
/// A node gets peers of its own site first, but they are at most half of the addresses that it asked for, as long as
/// there are others. So content enters a site once and spreads inside it, and no site is cut off from the others. Peers
/// that cannot be dialled are counted, but not given out.
package struct JobTracker: Sendable {
    /// Maximum number of peers of all jobs together. More peers are not stored: a swarm of that size finds its peers by
    /// peer exchange (BEP 11).
    package static let most = 200_000
    /// Minimum seconds between two announces of a peer.
    package static let interval = 30.0
    /// Maximum announces a second of all peers together. The interval grows with the number of peers to keep to it.
    package static let rate = 500.0
    /// A peer is removed after this many intervals without an announce.
    private static let missed = 3.0

    private struct Peer: Sendable {
        var addresses: [PeerAddress]
        var site: String
        var isSeed: Bool
        var until: Double
    }

    private struct Swarm: Sendable {
        var peers: [NodeID: Peer] = [:]
        /// The peers that can be dialled, by site.
        var sites: [String: SampleSet<NodeID>] = [:]
        var reachable = SampleSet<NodeID>()
    }

    private var swarms: [String: Swarm] = [:]
    /// Number of peers of all jobs.
    package private(set) var count = 0

    package init() {}

    /// Seconds until a peer's next announce.
    package var interval: Double { max(Self.interval, Double(count) / Self.rate) }

    /// - Parameters:
    ///   - site: of the node; empty for none.
    ///   - givers: the nodes that it may be told of; nil for all.
    ///   - now: seconds of any clock.
    package mutating func announce(
        _ request: AnnounceRequest, of node: NodeID, site: String, only givers: Set<NodeID>? = nil, at now: Double,
        using random: inout some RandomNumberGenerator
    ) -> AnnounceReply {
        guard request.event != "stopped" else {
            remove(node, of: request.job)
            return AnnounceReply(interval: interval, peers: [])
        }
        put(
            Peer(
                addresses: request.addresses.filter(\.isConnectable), site: site, isSeed: request.left == 0,
                until: now + interval * Self.missed), node, of: request.job)
        return AnnounceReply(
            interval: interval,
            peers: peers(
                of: request.job, for: node, site: site, isSeed: request.left == 0, only: givers,
                wanted: Int(clamping: request.wanted), at: now, using: &random))
    }

    /// Addresses of peers, for an offer or an answer.
    /// - Parameters:
    ///   - node: left out.
    ///   - isSeed: whether it has all: other seeds are of no use to it then.
    ///   - givers: the nodes that it may be told of; nil for all.
    ///   - wanted: addresses at most.
    package func peers(
        of job: String, for node: NodeID, site: String, isSeed: Bool = false, only givers: Set<NodeID>? = nil,
        wanted: Int, at now: Double, using random: inout some RandomNumberGenerator
    ) -> [PeerAddress] {
        guard let swarm = swarms[job], wanted > 0 else { return [] }
        var found: [PeerAddress] = []
        var seen: Set<NodeID> = [node]
        func take(_ nodes: some Sequence<NodeID>, upTo most: Int) {
            for other in nodes {
                guard found.count < most else { return }
                guard !seen.contains(other), let peer = swarm.peers[other], peer.until > now, !(isSeed && peer.isSeed)
                else { continue }
                seen.insert(other)
                found.append(contentsOf: Self.told(peer).prefix(most - found.count))
            }
        }
        // A few among many: they are found by name.
        if let givers {
            take(givers.sorted(), upTo: wanted)
            return found
        }
        let own = site.isEmpty ? nil : swarm.sites[site]
        if let own { take(own.shuffledFrom(&random), upTo: (wanted + 1) / 2) }
        take(swarm.reachable.shuffledFrom(&random), upTo: wanted)
        return found
    }

    /// The addresses of a peer that are given out: the first IPv4 and the first IPv6 address.
    private static func told(_ peer: Peer) -> [PeerAddress] {
        guard peer.addresses.count > 1 else { return peer.addresses }
        return [
            peer.addresses.first { $0.family == .ipv4 }, peer.addresses.first { $0.family == .ipv6 },
        ].compactMap(\.self)
    }

    /// Removes all peers of a job that has ended.
    package mutating func end(_ job: String) { count -= swarms.removeValue(forKey: job)?.peers.count ?? 0 }

    /// Removes peers that have not announced for three intervals. Call it from time to time.
    package mutating func expire(at now: Double) {
        for (job, swarm) in swarms { for (node, peer) in swarm.peers where peer.until <= now { remove(node, of: job) } }
    }

    /// The number of a job's peers, and of the seeds among them.
    package func figures(of job: String) -> (peers: Int, seeds: Int) {
        guard let swarm = swarms[job] else { return (0, 0) }
        return (swarm.peers.count, swarm.peers.values.count(where: \.isSeed))
    }

    package var jobs: Int { swarms.count }

    private mutating func put(_ peer: Peer, _ node: NodeID, of job: String) {
        let before = swarms[job]?.peers[node]
        guard before != nil || count < Self.most else { return }
        if before == nil { count += 1 }
        if let before, !before.addresses.isEmpty {
            swarms[job]?.sites[before.site]?.remove(node)
            if peer.addresses.isEmpty { swarms[job]?.reachable.remove(node) }
        }
        swarms[job, default: Swarm()].peers[node] = peer
        guard !peer.addresses.isEmpty else { return }
        swarms[job]?.reachable.insert(node)
        swarms[job]?.sites[peer.site, default: SampleSet()].insert(node)
    }

    private mutating func remove(_ node: NodeID, of job: String) {
        guard let peer = swarms[job]?.peers.removeValue(forKey: node) else { return }
        count -= 1
        swarms[job]?.reachable.remove(node)
        swarms[job]?.sites[peer.site]?.remove(node)
        if swarms[job]?.sites[peer.site]?.isEmpty == true { swarms[job]?.sites[peer.site] = nil }
        if swarms[job]?.peers.isEmpty == true { swarms[job] = nil }
    }
}

import Address
import Fleet

/// Where peers of jobs are reached, as they announced it here: the tracker inside a control. In memory, bounded.
struct PeerBook: Sendable {
    struct Peer: Sendable {
        var addresses: [PeerAddress]
        var site: String
        var left: Int64
        /// Seconds since 1970.
        var at: Double
    }

    /// Peers of a job that are remembered; and of all jobs.
    static let most = 20_000
    static let mostInAll = 400_000
    /// Seconds between two announces; a peer is forgotten after three.
    static let interval = 60.0

    private(set) var jobs: [String: [NodeID: Peer]] = [:]
    private var count = 0

    mutating func announce(
        _ job: String, _ node: NodeID, addresses: [PeerAddress], site: String, left: Int64, isOver: Bool, at now: Double
    ) {
        let isKnown = jobs[job]?[node] != nil
        guard !isOver else {
            if isKnown {
                jobs[job]?[node] = nil
                count -= 1
            }
            return
        }
        guard isKnown || (count < Self.mostInAll && (jobs[job]?.count ?? 0) < Self.most) else { return }
        if !isKnown { count += 1 }
        jobs[job, default: [:]][node] = Peer(addresses: addresses, site: site, left: left, at: now)
    }

    mutating func forget(_ job: String) { count -= jobs.removeValue(forKey: job)?.count ?? 0 }

    /// Peers for a node: first those of its site, of both kinds those that have all before others.
    func peers(of job: String, for node: NodeID, site: String, most: Int, at now: Double) -> [PeerAddress] {
        var (own, others): ([PeerAddress], [PeerAddress]) = ([], [])
        // A dictionary begins elsewhere in each process, and so do the lists of each control.
        for (other, peer) in jobs[job] ?? [:] where other != node && peer.at + 3 * Self.interval > now {
            guard let address = peer.addresses.first else { continue }
            if !site.isEmpty, peer.site == site { own.append(address) } else { others.append(address) }
            if own.count >= most { break }
        }
        return Array((own.prefix(most) + others.shuffled()).prefix(most))
    }
}

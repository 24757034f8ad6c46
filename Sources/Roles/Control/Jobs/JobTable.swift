import Fleet
import FleetStore
import Text

/// The open jobs, in memory.
struct JobTable: Sendable {
    /// The data for a job's offers.
    struct Facts: Sendable {
        let record: JobRecord
        let settings: FleetClass
        /// The definition of the class.
        let terms: JSONTerms
        /// The swarm's secret, with which the job's peers authenticate each other; nil for `isolation: open`.
        let secret: Secret?
        /// The key from which the nodes' tickets are derived.
        let ticketKey: [UInt8]

        /// The nodes that a node hears of; nil for all. Without `p2p` targets hear of nobody but the sender and caches.
        func givers(for node: NodeID) -> Set<NodeID>? {
            guard !settings.peerToPeer, node != record.sender, !record.caches.contains(node) else { return nil }
            return Set(record.caches + [record.sender])
        }

        /// The ticket with which a node announces to trackers. It is derived from the job's one-time key, and valid
        /// until the job ends.
        func ticket(for node: NodeID) -> Secret? {
            guard !ticketKey.isEmpty else { return nil }
            return JobTicket.make(for: node, key: ticketKey)
        }

        /// Whether two jobs publish at the same destination.
        fileprivate func hasDestination(of other: Facts) -> Bool {
            record.className == other.record.className
                && (settings.publish == .versions || record.name == other.record.name)
        }
    }

    var leads: [String: JobLead] = [:]
    var facts: [String: Facts] = [:]
    /// Open jobs that a node was ordered to send and that have not started, with that node.
    var unbegun: [String: NodeID] = [:]
    /// Targets and caches of each job.
    private(set) var nodes: [String: [NodeID]] = [:]
    /// Open jobs in which a node takes part, as a target or cache.
    private(set) var ofNode: [NodeID: Set<String>] = [:]

    /// For jobs whose class limits a site's line: how many nodes of each site share it.
    private var sharers: [String: [String: Int]] = [:]

    mutating func put(sharers: [String: Int], of job: String) {
        if facts[job] != nil { self.sharers[job] = sharers }
    }

    /// What a node may receive from outside its site, in bytes a second, by job. A node without a site has a line to
    /// itself.
    func shares(of node: NodeID, at site: String?) -> [String: Int64] {
        var shares: [String: Int64] = [:]
        for job in ofNode[node] ?? [] where shares.count < SyncReply.mostJobs {
            guard let limit = facts[job]?.settings.limits.site else { continue }
            let count = site.flatMap { sharers[job]?[$0] } ?? 1
            shares[job] = max(1, limit / Int64(max(1, count)))
        }
        return shares
    }

    /// Older jobs that would publish at the destination of this one.
    func older(than id: String) -> [(facts: Facts, lead: JobLead)] {
        guard let newer = facts[id] else { return [] }
        return facts.values.filter { $0.record.id < id && $0.hasDestination(of: newer) }.compactMap { older in
            leads[older.record.id].map { (older, $0) }
        }
    }

    mutating func put(_ facts: Facts, nodes: [NodeID]) {
        self.facts[facts.record.id] = facts
        unbegun[facts.record.id] = nil
        self.nodes[facts.record.id] = nodes
        for node in nodes { ofNode[node, default: []].insert(facts.record.id) }
    }

    mutating func remove(_ job: String) {
        leads[job] = nil
        facts[job] = nil
        unbegun[job] = nil
        sharers[job] = nil
        for node in nodes.removeValue(forKey: job) ?? [] {
            ofNode[node]?.remove(job)
            if ofNode[node]?.isEmpty == true { ofNode[node] = nil }
        }
    }
}

import Fleet
import FleetStore
import Text

/// The open jobs of control, in memory.
struct JobTable: Sendable {
    /// What an offer is made of.
    struct Facts: Sendable {
        let record: JobRecord
        let settings: FleetClass
        /// The class as it was written.
        let terms: JSONTerms
        /// What peers know each other by; nil for `isolation: open`.
        let secret: Secret?
        /// What tickets are made of.
        let ticketKey: [UInt8]
        /// Seconds since 1970 before which nothing is offered.
        let begins: Double?

        /// The nodes that a node hears of; nil for all. Without `p2p` targets hear of nobody but the sender and caches.
        func givers(for node: NodeID) -> Set<NodeID>? {
            guard !settings.peerToPeer, node != record.sender, !record.caches.contains(node) else { return nil }
            return Set(record.caches + [record.sender])
        }
    }

    var leads: [String: JobLead] = [:]
    var facts: [String: Facts] = [:]
    /// Targets and caches of each.
    private(set) var nodes: [String: [NodeID]] = [:]
    /// Open jobs of each node, as a target or cache.
    private(set) var ofNode: [NodeID: Set<String>] = [:]

    mutating func put(_ facts: Facts, nodes: [NodeID]) {
        self.facts[facts.record.id] = facts
        self.nodes[facts.record.id] = nodes
        for node in nodes { ofNode[node, default: []].insert(facts.record.id) }
    }

    mutating func remove(_ job: String, nodes: [NodeID]) {
        leads[job] = nil
        facts[job] = nil
        self.nodes[job] = nil
        for node in nodes {
            ofNode[node]?.remove(job)
            if ofNode[node]?.isEmpty == true { ofNode[node] = nil }
        }
    }
}

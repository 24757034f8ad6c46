import Fleet
import FleetStore

/// Selects nodes that lack the content of their class's last job, for `catchup: latest`. Pure.
struct CatchUpPlan: Sendable {
    /// Maximum number of nodes in one job. Further nodes follow in the next job.
    static let most = 200
    /// Minimum seconds before a node is tried again.
    static let pause = 3600.0

    /// Seconds before nodes are tried again for which no job could be made.
    static let failed = 60.0

    /// By job and node: when the node was last included in a catch-up job, in seconds since 1970.
    private var tried: [String: [NodeID: Double]] = [:]

    /// - Parameters:
    ///   - last: id of the class's last completed job.
    ///   - have: nodes that have its content or have failed with it, and all of a running job of the class.
    /// - Returns: the nodes for a catch-up job.
    mutating func choose(
        _ last: String, of candidates: [NodeRecord], have: Set<NodeID>, at now: Double
    ) -> [NodeRecord] {
        var known = tried[last] ?? [:]
        let chosen = candidates.filter { node in
            !have.contains(node.id) && (known[node.id].map { now - $0 >= Self.pause } ?? true)
        }.prefix(Self.most)
        for node in chosen { known[node.id] = now }
        tried[last] = known.isEmpty ? nil : known
        if tried.count > 1000 { tried = [last: known] }
        return Array(chosen)
    }

    /// No job could be made for these nodes.
    mutating func failed(_ last: String, _ nodes: [NodeRecord], at now: Double) {
        for node in nodes { tried[last]?[node.id] = now - Self.pause + Self.failed }
    }
}

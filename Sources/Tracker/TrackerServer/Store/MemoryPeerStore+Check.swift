import Address
import Tracking

/// What tests look at in a swarm's table of IPv4 peers.
package struct TableCheck: Sendable {
    package var peers = 0
    package var seeds = 0
    /// Sum of the store's counters of the sources that were asked for.
    package var counted = 0
    /// Rows that cannot be found, and sources with two rows that stand for them.
    package var problems: [String] = []
}

extension MemoryPeerStore {
    /// Searches the table for each of its rows. For tests: takes a time in proportion to the swarm.
    /// - Parameter hosts: each of another source.
    /// - Returns: nil if there is no such swarm.
    package func check(_ swarm: SwarmKey, hosts: [PeerAddress]) -> TableCheck? {
        guard let table = find(swarm)?.pointee.ipv4 else { return nil }
        var check = TableCheck(peers: table.count, seeds: table.seeds)
        var representatives = Set<UInt64>()
        for row in 0..<table.count {
            let endpoint = table.endpoint(row)
            let isHidden = table.group(ofRow: row) == PeerTable<EndpointIPv4>.Group.hidden
            var first: Int?
            if table.find(endpoint, isHidden: isHidden, sip: sip, first: &first) != row {
                check.problems.append("row \(row) is not found")
            }
            guard table.isFirst(row) else { continue }
            if !representatives.insert(endpoint.source).inserted {
                check.problems.append("row \(row) stands for a source that another stands for")
            }
            if table.findFirst(endpoint, sip: sip) != row {
                check.problems.append("row \(row) is not found as the one of its source")
            }
        }
        check.counted = hosts.reduce(0) { $0 + sources[EndpointIPv4($1).source] }
        return check
    }
}

/// The lower bound on the time of a scenario, from byte counts and link rates, and the link that sets it. Ignores
/// packet headers.
package struct IdealTime: Sendable, Equatable {
    package enum Limit: String, Sendable, Equatable, CaseIterable {
        /// One copy of the content must leave the seeds.
        case seedUplink = "the seed's uplink"
        /// The slowest receiver must download the content.
        case downlink = "the slowest downlink"
        /// All copies must be uploaded by some host.
        case allUplinks = "the sum of all uplinks"
        /// Hosts behind a firewall can download only from hosts they can dial.
        case reachableUplinks = "the uplinks of those that can be dialled"
        /// One copy must enter each site.
        case siteLink = "the line between sites"
    }

    package let seconds: Double
    package let limit: Limit
    /// All bounds, including the one that sets the limit.
    package let bounds: [(limit: Limit, seconds: Double)]

    package static func == (left: Self, right: Self) -> Bool {
        left.seconds == right.seconds && left.limit == right.limit
    }

    /// Assumes hosts that are present from the beginning and stay. Poisoners do not count; caches count as receivers.
    package init(_ scenario: Scenario) {
        let size = Double(scenario.contentLength)
        let honest = scenario.hosts.filter { !$0.isPoisoner }
        let seeds = honest.filter { $0.role == .seed }
        let takers = honest.filter { $0.role != .seed }
        let all = honest.reduce(0) { $0 + $1.up }
        var bounds: [(limit: Limit, seconds: Double)] = []
        bounds.append((.seedUplink, size / seeds.reduce(0) { $0 + $1.up }))
        bounds.append((.downlink, takers.map { size / $0.down }.max() ?? 0))
        bounds.append((.allUplinks, Double(takers.count) * size / all))
        let hidden = takers.filter { !$0.acceptsConnections }
        if !hidden.isEmpty {
            let reachable = honest.filter(\.acceptsConnections).reduce(0) { $0 + $1.up }
            bounds.append((.reachableUplinks, Double(hidden.count) * size / reachable))
        }
        let links = scenario.sites.indices.compactMap { site -> Double? in
            let isSource = seeds.contains { $0.site == site }
            let hasTakers = takers.contains { $0.site == site }
            let needsOut = isSource && takers.contains { $0.site != site } && !seeds.contains { $0.site != site }
            let into = !isSource && hasTakers ? scenario.sites[site].down.map { size / $0 } : nil
            let out = needsOut ? scenario.sites[site].up.map { size / $0 } : nil
            return [into, out].compactMap { $0 }.max()
        }
        if let slowest = links.max() { bounds.append((.siteLink, slowest)) }
        self.bounds = bounds
        let binding = bounds.max { $0.seconds < $1.seconds }
        seconds = binding?.seconds ?? 0
        limit = binding?.limit ?? .seedUplink
    }
}

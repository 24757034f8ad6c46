import HTTPServing

/// An agent that asks this index for events.
package struct Watcher: Sendable, Hashable {
    /// Secret between the agent and the index.
    package let id: String
    /// The host's name, as the agent sends it.
    package let host: String
    /// The host's site, as the agent sends it: hosts of one site are near each other. Empty if unknown.
    package let site: String
    package let address: String
    /// The names that the agent's token allows; nil for all.
    package let scope: CallerScope?

    package init(id: String, host: String, site: String, address: String, scope: CallerScope?) {
        self.id = id
        self.host = host
        self.site = site
        self.address = address
        self.scope = scope
    }
}

/// The agents that ask this index for events. Pure: times are seconds of a monotonic clock.
package struct WatcherTable: Sendable {
    private struct Entry {
        let watcher: Watcher
        var seenAt: Double
    }

    private let limits: WatchLimits
    private var entries: [String: Entry] = [:]

    package init(_ limits: WatchLimits) { self.limits = limits }

    /// Records a request of an agent. If the table is full, it removes one agent: of the address with the most agents
    /// if that has more than ``WatchLimits/watchersOfAddress``, otherwise of any address, the one that asked longest
    /// ago.
    /// - Returns: the id of the removed agent.
    package mutating func saw(_ watcher: Watcher, now: Double) -> String? {
        var gone: String?
        if entries[watcher.id] == nil, entries.count >= limits.watchers {
            entries = entries.filter { now - $0.value.seenAt <= limits.absence }
            if entries.count >= limits.watchers { gone = victim(for: watcher.address) }
            if let gone { entries[gone] = nil }
        }
        entries[watcher.id] = Entry(watcher: watcher, seenAt: now)
        return gone
    }

    private func victim(for address: String) -> String? {
        var counts: [String: Int] = [address: 1]
        for entry in entries.values { counts[entry.watcher.address, default: 0] += 1 }
        let greatest = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }
        let crowded = greatest.flatMap { $0.value > limits.watchersOfAddress ? $0.key : nil }
        let candidates = entries.values.filter { crowded == nil || $0.watcher.address == crowded }
        return candidates.min { ($0.seenAt, $0.watcher.id) < ($1.seenAt, $1.watcher.id) }?.watcher.id
    }

    package func isHere(_ id: String, now: Double) -> Bool {
        entries[id].map { now - $0.seenAt <= limits.absence } ?? false
    }

    /// Chooses agents that may see a name, spread over the sites: one of each site in turn, until there are enough.
    /// - Parameter count: number of agents; nil for all.
    package func choose(_ count: Int?, name: String, now: Double) -> [Watcher] {
        let here = entries.values.filter {
            now - $0.seenAt <= limits.absence && ($0.watcher.scope?.includes(name) ?? true)
        }.map(\.watcher)
        var sites = Dictionary(grouping: here, by: \.site).map { site, watchers in
            (site: site, waiting: watchers.sorted { ($0.host, $0.id) > ($1.host, $1.id) })
        }.sorted { $0.site < $1.site }
        var chosen: [Watcher] = []
        while chosen.count < count ?? .max, !sites.isEmpty {
            for place in sites.indices where chosen.count < count ?? .max {
                if let next = sites[place].waiting.popLast() { chosen.append(next) }
            }
            sites.removeAll { $0.waiting.isEmpty }
        }
        return chosen
    }
}

import HTTPServing

/// An agent that keeps a request at this index.
package struct Watcher: Sendable, Hashable {
    /// Known to the agent and the index alone.
    package let id: String
    /// As the agent calls itself.
    package let host: String
    /// Hosts of one site are near each other; empty where an agent does not say.
    package let site: String
    package let address: String
    /// The names that its token is for; nil for all.
    package let scope: CallerScope?

    package init(id: String, host: String, site: String, address: String, scope: CallerScope?) {
        self.id = id
        self.host = host
        self.site = site
        self.address = address
        self.scope = scope
    }
}

/// Which agents keep requests here. Pure: times are seconds of a monotonic clock.
package struct WatcherTable: Sendable {
    private struct Entry {
        let watcher: Watcher
        var seenAt: Double
    }

    private let limits: WatchLimits
    private var entries: [String: Entry] = [:]

    package init(_ limits: WatchLimits) { self.limits = limits }

    /// An agent has asked. If there are too many, one of the address with the most goes, the one that asked longest ago.
    /// - Returns: who had to go.
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

    /// Agents over the sites: one of each site in turn, until there are enough.
    /// - Parameter count: how many; nil for all.
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

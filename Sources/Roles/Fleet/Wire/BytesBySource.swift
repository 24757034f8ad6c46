import JSON

/// Where the bytes that a node received for a job came from.
package struct BytesBySource: Sendable, Hashable {
    /// From peers of the same site, from peers of other sites, and from sources that are not peers.
    package var site: Int64
    package var peers: Int64
    package var others: Int64

    package init(site: Int64 = 0, peers: Int64 = 0, others: Int64 = 0) {
        self.site = site
        self.peers = peers
        self.others = others
    }

    package mutating func add(_ other: BytesBySource) {
        site &+= other.site
        peers &+= other.peers
        others &+= other.others
    }

    package var total: Int64 { site &+ peers &+ others }
    package var isEmpty: Bool { site == 0 && peers == 0 && others == 0 }

    /// The three numbers with spaces between, as they are stored; empty where nothing came.
    package var text: String { isEmpty ? "" : "\(site) \(peers) \(others)" }

    /// Nil for anything else than three numbers that are not negative.
    package init?(text: String) {
        guard !text.isEmpty else {
            self.init()
            return
        }
        let numbers = text.split(separator: " ", omittingEmptySubsequences: false).map { Int64($0) }
        guard numbers.count == 3, let site = numbers[0], let peers = numbers[1], let others = numbers[2],
            min(site, peers, others) >= 0
        else { return nil }
        self.init(site: site, peers: peers, others: others)
    }
}

extension JobFigures {
    package var sources: BytesBySource { BytesBySource(site: fromSite, peers: fromPeers, others: fromSources) }
}

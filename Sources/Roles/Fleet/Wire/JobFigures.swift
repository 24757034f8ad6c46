import JSON

/// The progress of a job on a node. Control keeps it in memory only.
package struct JobFigures: WireMessage {
    package let job: String
    /// Verified bytes on this node, and all bytes of the content.
    package let done: Int64
    package let total: Int64
    /// Recent transfer rates in bytes a second.
    package let down: Double
    package let up: Double
    /// Bytes received from peers of the same site, from peers of other sites, and from sources that are not peers.
    package let fromSite: Int64
    package let fromPeers: Int64
    package let fromSources: Int64
    package let peers: Int64

    /// Maximum rate that is taken in, in bytes a second.
    private static let mostRate = 1e15

    package init(
        job: String, done: Int64, total: Int64, down: Double = 0, up: Double = 0, fromSite: Int64 = 0,
        fromPeers: Int64 = 0, fromSources: Int64 = 0, peers: Int64 = 0
    ) {
        self.job = job
        self.done = done
        self.total = total
        self.down = down
        self.up = up
        self.fromSite = fromSite
        self.fromPeers = fromPeers
        self.fromSources = fromSources
        self.peers = peers
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        job = try reader.text("job", most: 64)
        done = try reader.integer("done")
        total = try reader.integer("total")
        // What no line carries is a mistake, and would not fit into whole numbers.
        down = min(max(0, try reader.optionalNumber("down") ?? 0), Self.mostRate)
        up = min(max(0, try reader.optionalNumber("up") ?? 0), Self.mostRate)
        fromSite = try reader.optionalInteger("from_site") ?? 0
        fromPeers = try reader.optionalInteger("from_peers") ?? 0
        fromSources = try reader.optionalInteger("from_sources") ?? 0
        peers = try reader.optionalInteger("peers") ?? 0
    }

    package var json: JSONValue {
        [
            "job": .string(job), "done": .integer(done), "total": .integer(total), "down": .double(down),
            "up": .double(up), "from_site": .integer(fromSite), "from_peers": .integer(fromPeers),
            "from_sources": .integer(fromSources), "peers": .integer(peers),
        ]
    }
}

import Address
import JSON

/// `POST /agent/v1/announce`: an announce to the tracker inside a control server, over the agent's link. Agents
/// announce to all control servers.
package struct AnnounceRequest: WireMessage {
    package let job: String
    /// Addresses at which peers can dial the node; empty if they cannot.
    package let addresses: [PeerAddress]
    package let left: Int64
    /// `started`, `completed` or `stopped`; nil for a regular announce.
    package let event: String?
    package let wanted: Int64

    package init(job: String, addresses: [PeerAddress], left: Int64, event: String? = nil, wanted: Int64 = 50) {
        self.job = job
        self.addresses = addresses
        self.left = left
        self.event = event
        self.wanted = wanted
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        job = try reader.text("job", most: 64)
        addresses = try reader.list("addresses", most: 32) { value throws(WireProblem) in try HostFacts.address(value) }
        left = try reader.integer("left")
        event = try reader.optionalText("event", most: 16)
        wanted = try reader.optionalInteger("wanted", in: 0...200) ?? 50
    }

    package var json: JSONValue {
        var object = JSONObject(["job": .string(job), "left": .integer(left), "wanted": .integer(wanted)])
        object.put("addresses", texts: addresses.map(\.description))
        object.put("event", event)
        return .object(object)
    }
}

package struct AnnounceReply: WireMessage {
    /// Seconds until the next announce.
    package let interval: Double
    package let peers: [PeerAddress]

    package init(interval: Double, peers: [PeerAddress]) {
        self.interval = interval
        self.peers = peers
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        interval = min(3600, max(1, try reader.number("interval")))
        peers = try reader.list("peers", most: 200) { value throws(WireProblem) in try HostFacts.address(value) }
    }

    package var json: JSONValue {
        ["interval": .double(interval), "peers": .array(peers.map { .string($0.description) })]
    }
}

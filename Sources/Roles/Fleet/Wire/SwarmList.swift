import Hashing
import JSON

/// The reply to `GET /agent/v1/swarms`, for trackers that are nodes of the fleet, with the label `role=tracker`. The
/// hashes are derived with the secrets of the jobs, so other nodes do not get them.
package struct SwarmList: WireMessage {
    package static let most = 50_000
    /// The key and value of the label that makes a node a tracker.
    package static let role = (key: "role", value: "tracker")

    /// The 20-byte info hash under which the peers of each running job announce.
    package let swarms: [SHA1Digest]
    /// Seconds until the tracker asks for the list again.
    package let interval: Double

    package init(swarms: [SHA1Digest], interval: Double = 5) {
        self.swarms = swarms
        self.interval = interval
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        swarms = try reader.list("swarms", most: Self.most) { value throws(WireProblem) in
            guard let digest = value.stringValue.flatMap({ SHA1Digest(hex: $0) }) else {
                throw WireProblem("swarms", "has an element that is no hash of 20 bytes")
            }
            return digest
        }
        interval = min(3600, max(1, try reader.number("interval")))
    }

    package var json: JSONValue {
        ["swarms": .array(swarms.map { .string($0.hex) }), "interval": .double(interval)]
    }
}

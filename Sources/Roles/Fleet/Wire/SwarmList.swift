import Hashing
import JSON

/// The reply to `GET /agent/v1/swarms`, for trackers that control has enrolled: nodes whose label `role` says `tracker`. The hash on the
/// wire is made with the secret of a job, so others are not told.
package struct SwarmList: WireMessage {
    package static let most = 50_000
    /// The label, and its value.
    package static let role = (key: "role", value: "tracker")

    /// The 20 bytes by which each running job goes among its peers.
    package let swarms: [SHA1Digest]
    /// Seconds until the list is asked for again.
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

import Hashing
import JSON
import Text

/// The reply to `GET /agent/v1/swarms`, for trackers that are nodes of the fleet, with the label `role=tracker`. The
/// hashes are derived with the secrets of the jobs, so other nodes do not get them.
package struct SwarmList: WireMessage {
    package static let most = 50_000
    /// The key and value of the label that makes a node a tracker.
    package static let role = (key: "role", value: "tracker")

    /// The 20-byte info hash under which the peers of each running job announce.
    package let swarms: [SHA1Digest]
    /// With which tickets of a swarm are checked: 32 bytes, hexadecimal. A swarm without a key is for anybody (`isolation: open`).
    package let keys: [SHA1Digest: Secret]
    /// Seconds until the list is asked for again.
    package let interval: Double

    package init(swarms: [SHA1Digest], keys: [SHA1Digest: Secret] = [:], interval: Double = 5) {
        self.keys = keys
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
        var keys: [SHA1Digest: Secret] = [:]
        for member in reader.value("keys")?.objectValue?.members ?? [] {
            guard let digest = SHA1Digest(hex: member.key), let key = member.value.stringValue, key.utf8.count == 64,
                keys.count < Self.most
            else { throw WireProblem("keys", "has a member that is no key of a swarm") }
            keys[digest] = Secret(key)
        }
        self.keys = keys
        interval = min(3600, max(1, try reader.number("interval")))
    }

    package var json: JSONValue {
        var keys = JSONObject()
        for (swarm, key) in self.keys.sorted(by: { $0.key.hex < $1.key.hex }) { keys[swarm.hex] = .string(key.value) }
        return [
            "swarms": .array(swarms.map { .string($0.hex) }), "keys": .object(keys), "interval": .double(interval),
        ]
    }
}

import Hashing
import JSON
import Text

/// The reply to `GET /agent/v1/swarms`, for trackers that control has enrolled: nodes whose label `role` says `tracker`. The hash on the
/// wire is made with the secret of a job, so others are not told.
package struct SwarmList: WireMessage {
    package static let most = 50_000
    /// The label, and its value.
    package static let role = (key: "role", value: "tracker")

    /// The 20 bytes by which each running job goes among its peers.
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

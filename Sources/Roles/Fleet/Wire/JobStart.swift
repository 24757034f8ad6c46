import Address
import JSON
import Text

/// `POST /agent/v1/jobs/ID/start`: starts the job. The sender must have uploaded the torrent before (`PUT
/// /agent/v1/jobs/ID/metainfo`, a torrent file of at most 64 MiB). The reply is ``StartReply``.
package struct StartRequest: WireMessage {
    package let key: Secret
    package let content: JobContent
    package let classVersion: Int64
    package let targets: [NodeID]
    /// Addresses at which peers can dial the sender.
    package let addresses: [PeerAddress]
    /// SHA-256, in hexadecimal digits, over one line for each file in the order of paths, in the format of `md5sum`.
    /// Targets compare it with the digest over their own files. Nil for `check: none`.
    package let sums: String?
    /// Random. The same request once more, as after a lost reply, has the same answer; any other use of the key is refused.
    package let request: String?

    package init(
        key: Secret, content: JobContent, classVersion: Int64, targets: [NodeID], addresses: [PeerAddress],
        sums: String? = nil, request: String? = nil
    ) {
        self.sums = sums
        self.request = request
        self.key = key
        self.content = content
        self.classVersion = classVersion
        self.targets = targets
        self.addresses = addresses
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        key = Secret(try reader.text("key", most: 64))
        guard let content: JobContent = try reader.message("content") else {
            throw WireProblem("content", "is missing")
        }
        self.content = content
        classVersion = try reader.integer("version", in: 1...Int64.max)
        targets = try reader.list("targets", most: 1_000_000) { value throws(WireProblem) in
            guard let node = value.stringValue.flatMap(NodeID.init) else {
                throw WireProblem("targets", "has no node's id")
            }
            return node
        }
        addresses = try reader.list("addresses", most: 32) { value throws(WireProblem) in try HostFacts.address(value) }
        sums = try reader.optionalText("sums", most: 64)
        request = try reader.optionalText("request", most: 64)
    }

    package var json: JSONValue {
        var object = JSONObject([
            "key": .string(key.value), "content": content.json, "version": .integer(classVersion),
            "targets": .array(targets.map { .string($0.description) }),
        ])
        object.put("addresses", texts: addresses.map(\.description))
        object.put("sums", sums)
        object.put("request", request)
        return .object(object)
    }
}

package struct StartReply: WireMessage {
    /// The swarm's secret, with which peers of the job authenticate each other; nil for `isolation: open`.
    package let secret: Secret?
    package let ticket: Secret?
    package let trackers: [String]

    package init(secret: Secret? = nil, ticket: Secret? = nil, trackers: [String] = []) {
        self.secret = secret
        self.ticket = ticket
        self.trackers = trackers
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        secret = try reader.optionalText("secret", most: 64).map(Secret.init)
        ticket = try reader.optionalText("ticket", most: 128).map(Secret.init)
        trackers = try reader.texts("trackers", most: 16)
    }

    package var json: JSONValue {
        var object = JSONObject()
        object.put("secret", secret?.value)
        object.put("ticket", ticket?.value)
        object.put("trackers", texts: trackers)
        return .object(object)
    }
}

import JSON
import Text

/// `POST /agent/v1/jobs/ID/key`: the sender has hashed the content and asks for a one-time key. The reply is
/// ``KeyReply``. A repeated request gets another key for the same job, as long as none was used. Errors: 409 with a
/// code of ``KeyRefusal``.
package struct KeyRequest: WireMessage {
    package let content: JobContent

    package init(content: JobContent) { self.content = content }
    package init(_ reader: WireReader) throws(WireProblem) {
        guard let content: JobContent = try reader.message("content") else {
            throw WireProblem("content", "is missing")
        }
        self.content = content
    }
    package var json: JSONValue { ["content": content.json] }
}

package struct KeyReply: WireMessage {
    /// 256 bits in hexadecimal digits.
    package let key: Secret
    /// Seconds since 1970, by control's clock.
    package let expires: Double
    /// The targets to which the key is bound.
    package let targets: [NodeID]

    package init(key: Secret, expires: Double, targets: [NodeID]) {
        self.key = key
        self.expires = expires
        self.targets = targets
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        key = Secret(try reader.text("key", most: 64))
        expires = try reader.number("expires")
        targets = try reader.list("targets", most: 1_000_000) { value throws(WireProblem) in
            guard let node = value.stringValue.flatMap(NodeID.init) else {
                throw WireProblem("targets", "has no node's id")
            }
            return node
        }
    }

    package var json: JSONValue {
        [
            "key": .string(key.value), "expires": .double(expires),
            "targets": .array(targets.map { .string($0.description) }),
        ]
    }
}

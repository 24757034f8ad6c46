import BFT
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON

/// Replies in the format of deployed clients.
enum Envelope {
    /// JSON limits for requests.
    static func limits(_ limits: NodeAPILimits) -> JSONLimits {
        JSONLimits(maxBytes: limits.bodyBytes, maxDepth: limits.jsonDepth, maxValues: JSONLimits.message.maxValues)
    }

    /// A reply in the envelope.
    static func response(
        _ reply: APIReply, messageID: JSONValue = "", method: String, _ status: HTTPResponse.Status
    ) -> Response {
        .json(bytes: reply.encode(messageID: messageID, method: method), status: status)
    }

    /// The content of most replies.
    static func description(_ text: String) -> JSONValue { .object(["desc": .string(text)]) }
}

import Delivery
import HTTPTypes
import Hummingbird
import JSON
import NIOCore

/// JSON in answers.
enum JSON {
    static let type = "application/json; charset=utf-8"

    /// How much JSON of a request is read.
    static func limits(_ limits: NodeAPILimits) -> JSONLimits {
        JSONLimits(maxBytes: limits.bodyBytes, maxDepth: limits.jsonDepth, maxValues: JSONLimits.message.maxValues)
    }

    /// A reply in the envelope.
    static func envelope(
        _ reply: APIReply, messageID: JSONValue = "", method: String, _ status: HTTPResponse.Status
    ) -> Response {
        response(reply.encode(messageID: messageID, method: method), status)
    }

    /// The content of most replies.
    static func description(_ text: String) -> JSONValue { .object(["desc": .string(text)]) }

    static func response(_ value: JSONValue, _ status: HTTPResponse.Status) -> Response {
        response(value.encode(), status)
    }

    private static func response(_ bytes: [UInt8], _ status: HTTPResponse.Status) -> Response {
        Response(
            status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}

import JSON

/// The reply to a call, in BFT's envelope.
package struct APIReply: Sendable, Hashable {
    /// `return_status`: "true" or "false".
    package var succeeded: Bool
    /// `return_content`.
    package var content: JSONObject

    package init(succeeded: Bool, content: JSONObject) {
        self.succeeded = succeeded
        self.content = content
    }

    /// A reply whose content is `desc` alone.
    package static func success(_ text: String) -> APIReply {
        APIReply(succeeded: true, content: ["desc": .string(text)])
    }

    package static func failure(_ text: String) -> APIReply {
        APIReply(succeeded: false, content: ["desc": .string(text)])
    }

    /// `desc`, if the content has one.
    package var text: String { content["desc"]?.stringValue ?? "" }

    /// The bytes of the reply. The id is written under its correct name and under the misspelt one that deployed
    /// clients read.
    package func encode(messageID: JSONValue, method: String) -> [UInt8] {
        let envelope: JSONObject = [
            "request_message_id": messageID, "reqest_message_id": messageID, "message_type": "response",
            "method_name": .string(method), "return_status": succeeded ? "true" : "false",
            "return_content": .object(content),
        ]
        return JSONValue.object(envelope).encode()
    }

    package func encode(for request: APIRequest) -> [UInt8] {
        encode(messageID: request.messageID, method: request.method)
    }
}

import JSON

/// A call of a management system, in BFT's JSON envelope.
package struct APIRequest: Sendable, Hashable {
    /// Returned unchanged: a string, or a number as some clients write it.
    package let messageID: JSONValue
    package let method: String
    /// `method_params`; empty if there is none.
    package let parameters: JSONObject

    package init(messageID: JSONValue = "", method: String, parameters: JSONObject = JSONObject()) {
        self.messageID = messageID
        self.method = method
        self.parameters = parameters
    }

    /// Why a body is not a valid call. Returned in a reply with the same envelope.
    package struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
        /// The id, if it could be read.
        package let messageID: JSONValue
        package let description: String
    }

    /// - Throws: for a body that is not JSON, or not such an envelope: status 400.
    package static func parse(_ body: [UInt8], limits: JSONLimits = .message) throws(Failure) -> APIRequest {
        let value: JSONValue
        do { value = try JSONValue.parse(body, limits: limits) } catch {
            throw Failure(messageID: "", description: "the body is not JSON: \(error)")
        }
        guard let object = value.objectValue else {
            throw Failure(messageID: "", description: "the body is \(value.kind) and should be an object")
        }
        let id: JSONValue =
            switch object["message_id"] {
            case .string(let text)?: .string(text)
            case .integer(let number)?: .integer(number)
            default: ""
            }
        let method: String
        switch object["method_name"] {
        case .string(let name)?: method = name
        case nil, .null?: method = ""
        default: throw Failure(messageID: id, description: "method_name should be a string")
        }
        switch object["method_params"] {
        case .object(let parameters)?:
            return APIRequest(messageID: id, method: method, parameters: parameters)
        case nil, .null?: return APIRequest(messageID: id, method: method)
        default: throw Failure(messageID: id, description: "method_params should be an object")
        }
    }

    /// A parameter as text: a string, a number or a flag. Nil if it is missing or of another type.
    package func text(_ key: String) -> String? {
        if case .bool(let flag)? = parameters[key] { return flag ? "true" : "false" }
        return parameters[key]?.lenientText
    }

    /// Like `text`, but an empty parameter counts as missing.
    package func givenText(_ key: String) -> String? {
        guard let text = text(key), !text.isEmpty else { return nil }
        return text
    }

    /// The value of a flag parameter.
    package enum Flag: Sendable, Hashable {
        case missing
        case value(Bool)
        case invalid
    }

    /// A flag: true, "true", 1, "1" and their opposites; empty counts as missing.
    package func flag(_ key: String) -> Flag {
        guard let value = parameters[key], !value.isNull, value != .string("") else { return .missing }
        return value.lenientFlag.map { .value($0) } ?? .invalid
    }
}

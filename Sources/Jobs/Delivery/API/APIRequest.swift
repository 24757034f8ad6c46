import JSON

/// A call as management systems make it: the seed's JSON envelope.
package struct APIRequest: Sendable, Hashable {
    /// Echoed as it came: a string, or a number of the clients that write one.
    package let messageID: JSONValue
    package let method: String
    /// `method_params`; empty where there is none.
    package let parameters: JSONObject

    package init(messageID: JSONValue = "", method: String, parameters: JSONObject = JSONObject()) {
        self.messageID = messageID
        self.method = method
        self.parameters = parameters
    }

    /// Why a body is no call. A reply in the same envelope tells it.
    package struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
        /// The id, where it could be read.
        package let messageID: JSONValue
        package let description: String
    }

    /// - Throws: for a body that is not JSON, or is no such envelope: a 400.
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

    /// A parameter as text: a string, a number or a flag as it is written. Nil where it is missing, or no such value.
    package func text(_ key: String) -> String? {
        if case .bool(let flag)? = parameters[key] { return flag ? "true" : "false" }
        return parameters[key]?.lenientText
    }

    /// A parameter that is not there or empty counts as not given.
    package func givenText(_ key: String) -> String? {
        guard let text = text(key), !text.isEmpty else { return nil }
        return text
    }

    /// How a flag was given.
    package enum Flag: Sendable, Hashable {
        case missing
        case value(Bool)
        case invalid
    }

    /// A flag: true, "true", 1, "1" and their opposites; empty counts as not given.
    package func flag(_ key: String) -> Flag {
        guard let value = parameters[key], !value.isNull, value != .string("") else { return .missing }
        return value.lenientFlag.map { .value($0) } ?? .invalid
    }
}

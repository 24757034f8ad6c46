import JSON

/// An invalid message between an agent and control: the member, and what is wrong with it.
package struct WireProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package let member: String
    package let reason: String

    package init(_ member: String, _ reason: String) {
        self.member = member
        self.reason = reason
    }

    package var description: String { "'\(member)' \(reason)" }
}

/// A message between an agent and control: one JSON object. Unknown members are ignored, so control may be newer than
/// its agents.
package protocol WireMessage: Sendable, Hashable {
    init(_ reader: WireReader) throws(WireProblem)
    var json: JSONValue { get }
}

extension WireMessage {
    package init(json: JSONValue) throws(WireProblem) { try self.init(WireReader(json, "the message")) }

    /// - Throws: if the bytes are not JSON, or not a valid message of this type.
    package init(bytes: [UInt8], limits: JSONLimits = .message) throws(WireProblem) {
        let value: JSONValue
        do throws(JSONError) { value = try JSONValue.parse(bytes, limits: limits) } catch {
            throw WireProblem("the message", "is no JSON: \(error)")
        }
        try self.init(json: value)
    }

    package var bytes: [UInt8] { json.encode() }
}

/// Reads the members of a JSON object and checks their types and limits.
package struct WireReader {
    private let object: JSONObject
    private let path: String

    package init(_ value: JSONValue, _ path: String) throws(WireProblem) {
        guard let object = value.objectValue else { throw WireProblem(path, "is \(value.kind) and no object") }
        self.object = object
        self.path = path
    }

    package func has(_ key: String) -> Bool { object[key].map { !$0.isNull } ?? false }
    package func value(_ key: String) -> JSONValue? { object[key].flatMap { $0.isNull ? nil : $0 } }

    /// - Parameter most: maximum length in bytes.
    package func text(_ key: String, most: Int = 1024) throws(WireProblem) -> String {
        guard let text = try optionalText(key, most: most) else { throw WireProblem(key, "is missing") }
        return text
    }

    package func optionalText(_ key: String, most: Int = 1024) throws(WireProblem) -> String? {
        guard let value = value(key) else { return nil }
        guard let text = value.stringValue else { throw WireProblem(key, "is \(value.kind) and no text") }
        guard text.utf8.count <= most else { throw WireProblem(key, "is longer than \(most) bytes") }
        return text
    }

    package func integer(
        _ key: String, in range: ClosedRange<Int64> = 0...Int64.max
    ) throws(WireProblem) -> Int64 {
        guard let number = try optionalInteger(key, in: range) else { throw WireProblem(key, "is missing") }
        return number
    }

    package func optionalInteger(
        _ key: String, in range: ClosedRange<Int64> = 0...Int64.max
    ) throws(WireProblem) -> Int64? {
        guard let value = value(key) else { return nil }
        guard case .integer(let number) = value, range.contains(number) else {
            throw WireProblem(key, "is no whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A finite number.
    package func number(_ key: String) throws(WireProblem) -> Double {
        guard let number = try optionalNumber(key) else { throw WireProblem(key, "is missing") }
        return number
    }

    package func optionalNumber(_ key: String) throws(WireProblem) -> Double? {
        guard let value = value(key) else { return nil }
        switch value {
        case .integer(let number): return Double(number)
        case .double(let number) where number.isFinite: return number
        default: throw WireProblem(key, "is no number")
        }
    }

    package func flag(_ key: String, default absent: Bool = false) throws(WireProblem) -> Bool {
        guard let value = value(key) else { return absent }
        guard case .bool(let flag) = value else { throw WireProblem(key, "is neither true nor false") }
        return flag
    }

    package func list<Element>(
        _ key: String, most: Int, _ element: (JSONValue) throws(WireProblem) -> Element
    ) throws(WireProblem) -> [Element] {
        guard let value = value(key) else { return [] }
        guard let values = value.arrayValue else { throw WireProblem(key, "is \(value.kind) and no list") }
        guard values.count <= most else { throw WireProblem(key, "has more than \(most) elements") }
        var elements: [Element] = []
        elements.reserveCapacity(values.count)
        for value in values { elements.append(try element(value)) }
        return elements
    }

    package func texts(_ key: String, most: Int, bytes: Int = 1024) throws(WireProblem) -> [String] {
        try list(key, most: most) { value throws(WireProblem) in
            guard let text = value.stringValue, text.utf8.count <= bytes else {
                throw WireProblem(key, "has an element that is no text of at most \(bytes) bytes")
            }
            return text
        }
    }

    /// An object of whole numbers.
    /// - Parameter bytes: maximum length of a member's name.
    package func counts(_ key: String, most: Int, bytes: Int) throws(WireProblem) -> [String: Int64] {
        guard let value = value(key) else { return [:] }
        guard let object = value.objectValue else { throw WireProblem(key, "is \(value.kind) and no object") }
        guard object.members.count <= most else { throw WireProblem(key, "has more than \(most) members") }
        var counts: [String: Int64] = [:]
        for member in object.members {
            guard case .integer(let count) = member.value, count >= 0, member.key.utf8.count <= bytes else {
                throw WireProblem(key, "has a member that is no whole number, or whose name is too long")
            }
            counts[member.key] = count
        }
        return counts
    }

    package func messages<Message: WireMessage>(_ key: String, most: Int) throws(WireProblem) -> [Message] {
        try list(key, most: most) { value throws(WireProblem) in try Message(WireReader(value, key)) }
    }

    package func message<Message: WireMessage>(_ key: String) throws(WireProblem) -> Message? {
        guard let value = value(key) else { return nil }
        return try Message(WireReader(value, key))
    }

    package func choice<Value: RawRepresentable>(_ key: String) throws(WireProblem) -> Value
    where Value.RawValue == String {
        guard let value = Value(rawValue: try text(key)) else { throw WireProblem(key, "is none of the known words") }
        return value
    }
}

extension JSONObject {
    /// Sets a member, unless there is no value.
    mutating func put(_ key: String, _ value: String?) { if let value { self[key] = .string(value) } }
    mutating func put(_ key: String, _ value: Int64?) { if let value { self[key] = .integer(value) } }
    mutating func put(_ key: String, _ value: Double?) { if let value { self[key] = .double(value) } }
    mutating func put(_ key: String, flag: Bool) { if flag { self[key] = .bool(true) } }
    mutating func put(_ key: String, texts: [String]) {
        if !texts.isEmpty { self[key] = .array(texts.map(JSONValue.string)) }
    }
    mutating func put(_ key: String, counts: [String: Int64]) {
        guard !counts.isEmpty else { return }
        var object = JSONObject()
        for (name, count) in counts.sorted(by: { $0.key < $1.key }) { object[name] = .integer(count) }
        self[key] = .object(object)
    }
    mutating func put(_ key: String, messages: [some WireMessage]) {
        if !messages.isEmpty { self[key] = .array(messages.map(\.json)) }
    }
    mutating func put(_ key: String, message: (some WireMessage)?) { if let message { self[key] = message.json } }
}

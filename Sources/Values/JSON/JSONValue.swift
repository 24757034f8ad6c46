// JSON: the one JSON type of the program, with its parser and its writer.
//
// Purpose: bounded parsing of documents from outside, and output whose members keep their order. Must never: do I/O, or
// recurse deeper than its limits allow.

import Text

/// A JSON value (RFC 8259) whose objects keep the order of their members. Output then has the order that people and
/// deployed clients know, and unknown members are written back as they were read.
public enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// The value of a member; nil if this is not an object or has no such member.
    public subscript(_ key: String) -> JSONValue? { objectValue?[key] }

    public var stringValue: String? { if case .string(let text) = self { text } else { nil } }
    public var arrayValue: [JSONValue]? { if case .array(let values) = self { values } else { nil } }
    public var objectValue: JSONObject? { if case .object(let object) = self { object } else { nil } }
    public var isNull: Bool { self == .null }

    /// A whole number, written as a number or as a string (72 or "72"): deployed files contain both.
    public var lenientInteger: Int64? {
        switch self {
        case .integer(let value): value
        case .double(let value): Int64(exactly: value)
        case .string(let text): Int64(text.trimmingBlanks)
        default: nil
        }
    }

    /// A flag, written as a JSON boolean, as 1 or 0, or as a string ("true", "1", "false", "0"); nil for anything else.
    public var lenientFlag: Bool? {
        switch self {
        case .bool(let value): value
        case .integer(1), .string("true"), .string("1"): true
        case .integer(0), .string("false"), .string("0"): false
        default: nil
        }
    }

    /// A string; or a number, as the text of that number.
    public var lenientText: String? {
        switch self {
        case .string(let text): text
        case .integer(let value): String(value)
        case .double(let value): String(value)
        default: nil
        }
    }

    /// The kind of this value, for an error message.
    public var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a flag"
        case .integer, .double: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }
}

/// The members of a JSON object in the order in which they were read or set. A repeated name keeps its first position
/// and its last value, as in most parsers.
public struct JSONObject: Sendable, Hashable {
    public struct Member: Sendable, Hashable {
        public let key: String
        public var value: JSONValue
    }

    public private(set) var members: [Member] = []
    /// The index of each member by name; kept only for objects of more than `searched` members.
    private var places: [String: Int] = [:]
    private static let searched = 12

    public init() {}

    public init(_ members: KeyValuePairs<String, JSONValue>) {
        for (key, value) in members { self[key] = value }
    }

    /// Reading returns the member's value. Setting replaces it in place, or appends it; setting nil removes it.
    public subscript(_ key: String) -> JSONValue? {
        get { place(of: key).map { members[$0].value } }
        set {
            switch (place(of: key), newValue) {
            case (let place?, let value?): members[place].value = value
            case (nil, let value?):
                members.append(Member(key: key, value: value))
                if members.count == Self.searched + 1 {
                    index()
                } else if members.count > Self.searched {
                    places[key] = members.count - 1
                }
            case (let place?, nil):
                members.remove(at: place)
                index()
            case (nil, nil): break
            }
        }
    }

    private func place(of key: String) -> Int? {
        members.count > Self.searched ? places[key] : members.firstIndex { $0.key == key }
    }

    private mutating func index() {
        guard members.count > Self.searched else {
            places = [:]
            return
        }
        places = Dictionary(members.enumerated().map { ($1.key, $0) }) { first, _ in first }
    }

    public static func == (left: JSONObject, right: JSONObject) -> Bool { left.members == right.members }
    public func hash(into hasher: inout Hasher) { hasher.combine(members) }

    public var isEmpty: Bool { members.isEmpty }
    public var keys: [String] { members.map(\.key) }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        var object = JSONObject()
        for (key, value) in elements { object[key] = value }
        self = .object(object)
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init()
        for (key, value) in elements { self[key] = value }
    }
}

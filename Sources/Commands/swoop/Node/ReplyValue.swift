import FoundationEssentials

/// JSON from a node, of any structure.
indirect enum ReplyValue: Decodable, Sendable, Equatable {
    case null
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case array([ReplyValue])
    case object([String: ReplyValue])

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let int = try? value.decode(Int.self) {
            self = .int(int)
        } else if let double = try? value.decode(Double.self) {
            self = .double(double)
        } else if let string = try? value.decode(String.self) {
            self = .string(string)
        } else if let array = try? value.decode([ReplyValue].self) {
            self = .array(array)
        } else {
            self = .object(try value.decode([String: ReplyValue].self))
        }
    }

    static func parse(_ bytes: [UInt8]) -> ReplyValue? {
        try? JSONDecoder().decode(ReplyValue.self, from: Data(bytes))
    }

    subscript(_ key: String) -> ReplyValue? { if case .object(let members) = self { members[key] } else { nil } }

    /// Text, or a number as text; empty for anything else.
    var text: String {
        switch self {
        case .string(let text): text
        case .int(let value): String(value)
        case .double(let value): String(value)
        default: ""
        }
    }

    /// A whole number, written as a number or as text.
    var number: Int? {
        switch self {
        case .int(let value): value
        case .string(let text): Int(text)
        default: nil
        }
    }

    var list: [ReplyValue] { if case .array(let values) = self { values } else { [] } }

    /// As JSON, with members sorted by name.
    var json: JSONValue {
        switch self {
        case .null: .null
        case .bool(let value): .bool(value)
        case .int(let value): .int(value)
        case .double(let value): .double(value)
        case .string(let value): .string(value)
        case .array(let values): .array(values.map(\.json))
        case .object(let members): .object(members.sorted { $0.key < $1.key }.map { ($0.key, $0.value.json) })
        }
    }
}

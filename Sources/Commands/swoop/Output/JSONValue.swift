import Metainfo

/// A JSON value whose objects keep the order of their keys, so that output is deterministic.
enum JSONValue: Sendable, Equatable {
    case string(String)
    case int(Int)
    case double(Double)
    case bool(Bool)
    case null
    case array([JSONValue])
    case object([(String, JSONValue)])

    static func == (left: JSONValue, right: JSONValue) -> Bool { left.text == right.text }

    /// One line without blanks.
    var text: String {
        var out: [UInt8] = []
        write(to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    func write(to out: inout [UInt8]) {
        switch self {
        case .string(let value): Self.write(value, to: &out)
        case .int(let value): out += Array(String(value).utf8)
        case .double(let value): out += Array((value.isFinite ? String(value) : "null").utf8)
        case .bool(let value): out += Array((value ? "true" : "false").utf8)
        case .null: out += Array("null".utf8)
        case .array(let values): Self.list(values, "[", "]", &out) { value, out in value.write(to: &out) }
        case .object(let pairs):
            Self.list(pairs, "{", "}", &out) { pair, out in
                Self.write(pair.0, to: &out)
                out.append(UInt8(ascii: ":"))
                pair.1.write(to: &out)
            }
        }
    }

    private static func list<T>(
        _ items: [T], _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ out: inout [UInt8],
        each: (T, inout [UInt8]) -> Void
    ) {
        out.append(UInt8(ascii: open))
        for (index, item) in items.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            each(item, &out)
        }
        out.append(UInt8(ascii: close))
    }

    /// Escapes what RFC 8259 requires, and also DEL, C1, line separators and bidirectional controls: a name in a log
    /// must not move the cursor of a terminal or reverse its text.
    private static func write(_ string: String, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": out += [UInt8(ascii: "\\"), UInt8(ascii: "\"")]
            case "\\": out += [UInt8(ascii: "\\"), UInt8(ascii: "\\")]
            case "\n": out += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            case "\t": out += [UInt8(ascii: "\\"), UInt8(ascii: "t")]
            case _ where scalar.needsEscapeOnTerminal:
                let hex = String(scalar.value, radix: 16)
                out +=
                    Array("\\u".utf8) + Array(String(repeating: "0", count: max(0, 4 - hex.count)).utf8)
                    + Array(hex.utf8)
            default: out += Array(String(scalar).utf8)
            }
        }
        out.append(UInt8(ascii: "\""))
    }
}

extension Unicode.Scalar {
    /// Control characters, and characters that change the direction of text. All are below U+10000.
    var needsEscapeOnTerminal: Bool {
        switch value {
        case 0...0x1F, 0x7F...0x9F, 0x61C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }
}

extension String {
    /// Escaped for display on a terminal.
    var shown: String { DisplayName.escape(self) }
}

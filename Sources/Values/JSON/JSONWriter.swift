extension JSONValue {
    /// Layout of the output.
    public enum Layout: Sendable {
        /// One line without blanks, as in API replies.
        case compact
        /// One member or element on each line, indented by two blanks per level, for files that people read.
        case indented
    }

    /// This value as JSON in UTF-8; members keep their order.
    public func encode(_ layout: Layout = .compact) -> [UInt8] {
        var text: [UInt8] = []
        write(to: &text, layout: layout, level: 0)
        if layout == .indented { text.append(0x0a) }
        return text
    }

    /// `encode` as text.
    public var text: String { String(decoding: encode(), as: UTF8.self) }

    private func write(to text: inout [UInt8], layout: Layout, level: Int) {
        switch self {
        case .null: text.append(contentsOf: "null".utf8)
        case .bool(let value): text.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): text.append(contentsOf: String(value).utf8)
        case .double(let value): text.append(contentsOf: (value.isFinite ? String(value) : "null").utf8)
        case .string(let value): Self.write(value, to: &text)
        case .array(let values):
            guard !values.isEmpty else { return text.append(contentsOf: "[]".utf8) }
            Self.enclose("[", values, "]", to: &text, layout: layout, level: level) { value, text in
                value.write(to: &text, layout: layout, level: level + 1)
            }
        case .object(let object):
            guard !object.isEmpty else { return text.append(contentsOf: "{}".utf8) }
            Self.enclose("{", object.members, "}", to: &text, layout: layout, level: level) { member, text in
                Self.write(member.key, to: &text)
                text.append(contentsOf: (layout == .indented ? ": " : ":").utf8)
                member.value.write(to: &text, layout: layout, level: level + 1)
            }
        }
    }

    private static func enclose<Element>(
        _ open: Unicode.Scalar, _ elements: [Element], _ close: Unicode.Scalar, to text: inout [UInt8],
        layout: Layout, level: Int, each: (Element, inout [UInt8]) -> Void
    ) {
        text.append(UInt8(ascii: open))
        for (index, element) in elements.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            if layout == .indented { newLine(level + 1, to: &text) }
            each(element, &text)
        }
        if layout == .indented { newLine(level, to: &text) }
        text.append(UInt8(ascii: close))
    }

    private static func newLine(_ level: Int, to text: inout [UInt8]) {
        text.append(0x0a)
        text.append(contentsOf: repeatElement(0x20, count: level * 2))
    }

    private static func write(_ string: String, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""): text.append(contentsOf: [0x5c, byte])
            case UInt8(ascii: "\\"): text.append(contentsOf: [0x5c, byte])
            case 0x0a: text.append(contentsOf: "\\n".utf8)
            case 0x0d: text.append(contentsOf: "\\r".utf8)
            case 0x09: text.append(contentsOf: "\\t".utf8)
            case 0..<0x20, 0x7f:
                text.append(contentsOf: "\\u00".utf8)
                if byte < 0x10 { text.append(UInt8(ascii: "0")) }
                text.append(contentsOf: String(byte, radix: 16).utf8)
            default: text.append(byte)
            }
        }
        text.append(UInt8(ascii: "\""))
    }
}

/// Names from strangers, made safe to show on a terminal or in a log.
public enum DisplayName {
    /// The bytes as text, in which control characters, line separators, bidirectional controls and invisible tag
    /// characters become `\u{…}` and bytes that are not UTF-8 become `\xNN`. Everything else stays as it is.
    @inlinable
    public static func escape(_ bytes: some Collection<UInt8>) -> String {
        if bytes.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) { return String(decoding: bytes, as: UTF8.self) }
        return escapeEach(Array(bytes))
    }

    @usableFromInline
    static func escapeEach(_ bytes: [UInt8]) -> String {
        var text = ""
        var decoder = UTF8Reader(bytes: bytes)
        while let unit = decoder.next() {
            switch unit {
            case .scalar(let scalar) where isHarmful(scalar): text += "\\u{\(String(scalar.value, radix: 16))}"
            case .scalar(let scalar): text.unicodeScalars.append(scalar)
            case .invalid(let byte): text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return text
    }

    /// The same for text.
    public static func escape(_ text: String) -> String { escape(Array(text.utf8)) }

    /// Whether showing `scalar` could move the cursor, colour the screen, or reorder or hide what stands beside it.
    public static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f..<0xa0: true  // C0, DEL, C1
        case 0x61c, 0x200e, 0x200f, 0x202a...0x202e, 0x2066...0x2069: true  // bidirectional controls
        case 0x2028, 0x2029: true  // line and paragraph separator
        case 0xfeff, 0xfff9...0xfffb, 0xe0000...0xe007f: true  // byte order mark, interlinear annotation, tags
        default: false
        }
    }
}

/// Reads UTF-8 and hands over each byte that is none as itself.
private struct UTF8Reader {
    enum Unit {
        case scalar(Unicode.Scalar)
        case invalid(UInt8)
    }

    let bytes: [UInt8]
    var position = 0

    mutating func next() -> Unit? {
        guard position < bytes.count else { return nil }
        let lead = bytes[position]
        let length =
            switch lead {
            case 0..<0x80: 1
            case 0xc2..<0xe0: 2
            case 0xe0..<0xf0: 3
            case 0xf0..<0xf5: 4
            default: 0
            }
        if length > 0, length <= bytes.count - position,
            let text = String(validating: bytes[position..<position + length], as: UTF8.self),
            let scalar = text.unicodeScalars.first
        {
            position += length
            return .scalar(scalar)
        }
        position += 1
        return .invalid(lead)
    }
}

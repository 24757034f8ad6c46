// Text: representations of values for people and protocols: hexadecimal digits, percent-encoding, HTTP URLs, dates.
//
// Purpose: one parser and one writer for each form. Must never: do I/O, read a clock, or trap on text from outside.

/// Hexadecimal encoding of bytes.
public enum Hexadecimal {
    /// Two lower-case digits for each byte.
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(2 * bytes.underestimatedCount)
        for byte in bytes {
            text.append(digit(byte >> 4))
            text.append(digit(byte & 15))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Decodes two digits (either case) for each of `byteCount` bytes; nil for anything else.
    public static func decode(_ text: some StringProtocol, byteCount: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        var high: UInt8?
        for character in text.utf8 {
            guard let value = value(ofDigit: character), bytes.count < byteCount else { return nil }
            if let half = high {
                bytes.append(half << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil && bytes.count == byteCount ? bytes : nil
    }

    /// The value of a digit of either case; nil for any other character.
    @inlinable
    public static func value(ofDigit character: UInt8) -> UInt8? {
        switch character {
        case 0x30...0x39: character - 0x30
        case 0x41...0x46: character - 0x41 + 10
        case 0x61...0x66: character - 0x61 + 10
        default: nil
        }
    }

    /// The lower-case digit of a value below 16.
    @inlinable
    public static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x61 + value - 10 }

    /// The upper-case digit of a value below 16.
    @inlinable
    public static func upperCaseDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x41 + value - 10 }
}

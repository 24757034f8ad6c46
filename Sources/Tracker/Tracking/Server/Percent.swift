/// Percent-decoding of query values (RFC 3986) without allocation, and hexadecimal digits.
enum Percent {
    static func hexValue(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x41 + 10
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }

    static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x61 + value - 10 }

    /// Decodes `text` to `target` and returns the count of bytes; nil when a `%` is not followed by two hexadecimal
    /// digits or the result has more bytes than `target`. `+` is a space, as HTML forms and several BitTorrent clients
    /// write it.
    static func decode(_ text: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int? {
        var read = 0
        var written = 0
        while read < text.count {
            var byte = text[read]
            read += 1
            if byte == 0x25 {
                guard read + 2 <= text.count, let upper = hexValue(text[read]), let lower = hexValue(text[read + 1])
                else { return nil }
                byte = upper << 4 | lower
                read += 2
            } else if byte == 0x2b {
                byte = 0x20
            }
            guard written < target.count else { return nil }
            target[written] = byte
            written += 1
        }
        return written
    }
}

/// Percent-encoding of bytes (RFC 3986), with upper-case digits.
public enum PercentEncoding {
    /// Letters, digits, `-`, `.`, `_` and `~`.
    @inlinable
    public static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: true
        default: false
        }
    }

    /// Escapes all bytes except unreserved characters and those in `keeping`.
    public static func encode(_ bytes: some Sequence<UInt8>, keeping: StaticString = "") -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.underestimatedCount)
        append(bytes, to: &text, keeping: keeping)
        return String(decoding: text, as: UTF8.self)
    }

    /// Like `encode`, but appends to `text`.
    public static func append(
        _ bytes: some Sequence<UInt8>, to text: inout [UInt8], keeping: StaticString = ""
    ) {
        keeping.withUTF8Buffer { kept in
            for byte in bytes {
                if isUnreserved(byte) || kept.contains(byte) {
                    text.append(byte)
                } else {
                    text.append(0x25)
                    text.append(Hexadecimal.upperCaseDigit(byte >> 4))
                    text.append(Hexadecimal.upperCaseDigit(byte & 15))
                }
            }
        }
    }

    /// Decodes to bytes; nil for a broken escape. `plusIsSpace` reads a plus sign as a space, as HTML forms write it.
    public static func decodeBytes(_ text: some Sequence<UInt8>, plusIsSpace: Bool = false) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case 0x25:
                guard let high = rest.next().flatMap(Hexadecimal.value(ofDigit:)),
                    let low = rest.next().flatMap(Hexadecimal.value(ofDigit:))
                else { return nil }
                bytes.append(high << 4 | low)
            case 0x2b where plusIsSpace: bytes.append(0x20)
            default: bytes.append(byte)
            }
        }
        return bytes
    }

    /// Decodes to text; nil for a broken escape or if the result is not UTF-8.
    public static func decode(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
        decodeBytes(text.utf8, plusIsSpace: plusIsSpace).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// Decodes to bytes; broken escapes stay as they are.
    public static func decodeLeniently(_ text: ArraySlice<UInt8>, plusIsSpace: Bool = false) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var rest = text
        while let byte = rest.popFirst() {
            if byte == 0x25, let high = rest.first.flatMap(Hexadecimal.value(ofDigit:)),
                let low = rest.dropFirst().first.flatMap(Hexadecimal.value(ofDigit:))
            {
                bytes.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(plusIsSpace && byte == 0x2b ? 0x20 : byte)
            }
        }
        return bytes
    }

    /// Decodes `text` into `target` without allocation and returns the number of bytes. Nil if a `%` is not followed by
    /// two hexadecimal digits or the result does not fit. `+` is a space, as HTML forms and several BitTorrent clients
    /// write it.
    @inlinable
    public static func decode(_ text: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int? {
        var read = 0
        var written = 0
        while read < text.count {
            var byte = text[read]
            read += 1
            if byte == 0x25 {
                guard read + 2 <= text.count, let upper = Hexadecimal.value(ofDigit: text[read]),
                    let lower = Hexadecimal.value(ofDigit: text[read + 1])
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

/// Reads replies of Redis (RESP2) from a buffer: one token at a time, without copying. A server's replies are input from outside:
/// lengths and counts are bounded, and nothing here traps.
package struct RESPReader {
    package enum Token {
        /// `+OK`
        case status(UnsafeRawBufferPointer)
        /// `-ERR text`
        case error(UnsafeRawBufferPointer)
        case integer(Int64)
        case bytes(UnsafeRawBufferPointer)
        /// A missing string or array.
        case null
        /// So many tokens follow.
        case array(Int)
    }

    /// What cannot be a reply: the connection is of no more use.
    package struct Malformed: Error {}

    /// Longest line, string and array.
    package static let lineLimit = 4096
    package static let stringLimit = 64 * 1024
    package static let arrayLimit = 4096
    /// Tokens of one reply.
    package static let tokenLimit = 16_384

    private let bytes: UnsafeRawBufferPointer
    /// Bytes read so far.
    private(set) var position = 0

    package init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// The next token; nil if its end has not arrived.
    @inline(__always)
    package mutating func next() throws(Malformed) -> Token? {
        guard position < bytes.count else { return nil }
        let kind = bytes[position]
        switch kind {
        case 0x24, 0x2a, 0x2b, 0x2d, 0x3a: break
        default: throw Malformed()
        }
        guard let end = try lineEnd() else { return nil }
        let line = UnsafeRawBufferPointer(rebasing: bytes[(position + 1)..<end])
        let after = end + 2
        switch kind {
        case 0x24:  // $
            let count = try Self.number(line)
            guard count >= 0 else { return try null(count, after) }
            guard count <= Self.stringLimit else { throw Malformed() }
            let stop = after + Int(count)
            guard stop + 2 <= bytes.count else { return nil }
            guard bytes[stop] == 0x0d, bytes[stop + 1] == 0x0a else { throw Malformed() }
            position = stop + 2
            return .bytes(UnsafeRawBufferPointer(rebasing: bytes[after..<stop]))
        case 0x2a:  // *
            let count = try Self.number(line)
            guard count >= 0 else { return try null(count, after) }
            guard count <= Self.arrayLimit else { throw Malformed() }
            position = after
            return .array(Int(count))
        case 0x3a:  // :
            let number = try Self.number(line)
            position = after
            return .integer(number)
        case 0x2b:  // +
            position = after
            return .status(line)
        case 0x2d:  // -
            position = after
            return .error(line)
        default: throw Malformed()
        }
    }

    private mutating func null(_ count: Int64, _ after: Int) throws(Malformed) -> Token {
        guard count == -1 else { throw Malformed() }
        position = after
        return .null
    }

    /// Where the line that begins at `position` ends; nil if its end has not arrived.
    @inline(__always)
    private func lineEnd() throws(Malformed) -> Int? {
        var index = position + 1
        let limit = min(bytes.count, position + Self.lineLimit)
        while index < limit {
            if bytes[index] == 0x0d {
                guard index + 1 < bytes.count else { return nil }
                guard bytes[index + 1] == 0x0a else { throw Malformed() }
                return index
            }
            index += 1
        }
        guard limit == bytes.count else { throw Malformed() }
        return nil
    }

    @inline(__always)
    private static func number(_ text: UnsafeRawBufferPointer) throws(Malformed) -> Int64 {
        guard (1...19).contains(text.count) else { throw Malformed() }
        let isNegative = text[0] == 0x2d
        var value: Int64 = 0
        guard text.count > (isNegative ? 1 : 0) else { throw Malformed() }
        for index in (isNegative ? 1 : 0)..<text.count {
            guard (0x30...0x39).contains(text[index]) else { throw Malformed() }
            // At most 19 digits of which the first product may pass the range.
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int64(text[index] - 0x30))
            guard !overflow, !carry else { throw Malformed() }
            value = sum
        }
        return isNegative ? -value : value
    }

    /// Length of the reply at the front of `bytes`; nil if its end has not arrived.
    package static func replyLength(_ bytes: UnsafeRawBufferPointer) throws(Malformed) -> Int? {
        var reader = RESPReader(bytes)
        var left = 1
        var seen = 0
        while left > 0 {
            guard let token = try reader.next() else { return nil }
            seen += 1
            left -= 1
            if case .array(let count) = token { left += count }
            guard seen + left <= tokenLimit else { throw Malformed() }
        }
        return reader.position
    }
}

/// A `Content-Range` header of one range of bytes: `bytes 0-99/1000` or `bytes 0-99/*`.
package struct ContentRange: Sendable, Hashable {
    package let bytes: Range<Int64>
    /// Nil for `*`.
    package let total: Int64?

    package init?(_ header: String) {
        let text = header.utf8.prefix(100)
        guard text.count == header.utf8.count, text.prefix(6).elementsEqual("bytes ".utf8) else { return nil }
        let parts = text.dropFirst(6).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let ends = parts[0].split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard ends.count == 2, let first = ContentRange.number(ends[0]), let last = ContentRange.number(ends[1]),
            first <= last, last < Int64.max
        else { return nil }
        bytes = first..<(last + 1)
        if parts[1].elementsEqual("*".utf8) {
            total = nil
        } else {
            guard let number = ContentRange.number(parts[1]), number > last else { return nil }
            total = number
        }
    }

    private static func number(_ digits: Substring.UTF8View) -> Int64? {
        guard !digits.isEmpty, digits.count <= 19, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(String(decoding: digits, as: UTF8.self))
    }
}

import Text

/// The SHA-256 digest of a blob, as an announce of a registry's agent names it: four machine words, made from untrusted bytes without
/// allocation.
public struct BlobKey: Hashable, Sendable, CustomStringConvertible {
    public static let byteCount = 32

    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// Nil unless there are exactly 32 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == BlobKey.byteCount else { return nil }
        var words = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
        withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
        self.words = words
    }

    /// Reads `sha256:` and 64 lower-case hexadecimal digits, as in a query: the colon may be escaped. Nil for anything else.
    public init?(query: UnsafeRawBufferPointer) {
        let size = 7 + 2 * BlobKey.byteCount
        var bytes = [UInt8](repeating: 0, count: size)
        guard bytes.withUnsafeMutableBytes({ PercentEncoding.decode(query, into: $0) }) == size else { return nil }
        self.init(text: bytes)
    }

    /// The same from bytes that are not escaped.
    public init?(text: [UInt8]) {
        guard text.starts(with: "sha256:".utf8), text.count == 7 + 2 * BlobKey.byteCount,
            !text.contains(where: { (0x41...0x46).contains($0) })
        else { return nil }
        let digits = text[7...].compactMap { Hexadecimal.value(ofDigit: $0) }
        guard digits.count == 2 * BlobKey.byteCount else { return nil }
        self.init(bytes: (0..<BlobKey.byteCount).map { digits[2 * $0] << 4 | digits[2 * $0 + 1] })
    }

    public var bytes: [UInt8] { withUnsafeBytes(of: words) { Array($0) } }

    public var description: String { "sha256:" + Hexadecimal.encode(bytes) }

    public static func == (a: BlobKey, b: BlobKey) -> Bool { a.words == b.words }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}

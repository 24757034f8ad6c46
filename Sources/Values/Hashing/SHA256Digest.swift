import Text

/// A SHA-256 digest: 32 bytes, stored inline, ordered byte by byte.
public struct SHA256Digest: Hashable, Sendable, BitwiseCopyable {
    /// The number of bytes in a digest.
    public static let byteCount = 32
    public static let zero = SHA256Digest(words: (0, 0, 0, 0))

    // The digest's bytes are in memory in order, on any processor, and an array of digests has no gaps:
    // `withUnsafeBytes` and the Merkle tree rely on it.
    private let first: UInt64
    private let second: UInt64
    private let third: UInt64
    private let fourth: UInt64

    private init(words: (UInt64, UInt64, UInt64, UInt64)) {
        (first, second, third, fourth) = words
    }

    /// The digest with the state words `state[0..<8]`, most significant byte first.
    init(state: UnsafePointer<UInt32>) {
        func pair(_ i: Int) -> UInt64 { (UInt64(state[i]) << 32 | UInt64(state[i + 1])).bigEndian }
        self.init(words: (pair(0), pair(2), pair(4), pair(6)))
    }

    /// Nil unless there are exactly 32 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
        self.init(words: words)
    }

    /// Nil unless there are exactly 32 bytes.
    public init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.byteCount else { return nil }
        func word(_ i: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: 8 * i, as: UInt64.self) }
        self.init(words: (word(0), word(1), word(2), word(3)))
    }

    /// Nil unless there are exactly 64 hexadecimal digits (either case).
    public init?(hex: some StringProtocol) {
        guard let bytes = Hexadecimal.decode(hex, byteCount: Self.byteCount) else { return nil }
        self.init(bytes: bytes)
    }

    /// The 32 bytes, valid only during the call.
    public func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R)
        throws(E) -> R
    {
        try Swift.withUnsafeBytes(of: self) { (raw) throws(E) -> R in try body(raw) }
    }

    /// The 32 bytes.
    public var bytes: [UInt8] { withUnsafeBytes { Array($0) } }
    /// 64 lower-case hexadecimal digits.
    public var hex: String { withUnsafeBytes { Hexadecimal.encode($0) } }

    /// The first 20 bytes. BEP 52 uses them in handshakes and announces in place of a v1 info hash.
    public var truncated: SHA1Digest {
        withUnsafeBytes {
            SHA1Digest(bytes: UnsafeRawBufferPointer(rebasing: $0[..<SHA1Digest.byteCount]))
        } ?? .zero
    }
}

extension SHA256Digest: Comparable, CustomStringConvertible {
    public static func < (left: Self, right: Self) -> Bool {
        if left.first != right.first { return left.first.bigEndian < right.first.bigEndian }
        if left.second != right.second { return left.second.bigEndian < right.second.bigEndian }
        if left.third != right.third { return left.third.bigEndian < right.third.bigEndian }
        return left.fourth.bigEndian < right.fourth.bigEndian
    }

    public var description: String { hex }
}

import Text

/// The 20 bytes that identify a swarm on the wire: a v1 info hash, or the first 20 bytes of a v2 info hash (BEP 52).
///
/// The tracker's own form of an info hash: three machine words, made from untrusted bytes without allocation.
public struct SwarmKey: Hashable, Sendable, Comparable, CustomStringConvertible {
    public static let byteCount = 20

    /// Bytes 0..<8, 8..<16 and 16..<20 as big-endian numbers.
    public let first: UInt64
    public let second: UInt64
    public let third: UInt32

    @inlinable
    public init(first: UInt64, second: UInt64, third: UInt32) {
        self.first = first
        self.second = second
        self.third = third
    }

    /// Reads 20 bytes at `bytes`. The caller has checked that they are there.
    @inlinable
    public init(loading bytes: UnsafeRawPointer) {
        self.init(
            first: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            second: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
            third: UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self)))
    }

    /// Nil unless there are exactly 20 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == SwarmKey.byteCount else { return nil }
        // Safe: the array just made has 20 bytes.
        self = Array(bytes).withUnsafeBytes { buffer in
            buffer.baseAddress.map(SwarmKey.init(loading:)) ?? SwarmKey(first: 0, second: 0, third: 0)
        }
    }

    /// Parses 40 hexadecimal digits, or the 64 of a whole v2 hash, of which the first 40 are used; nil for anything
    /// else.
    public init?(hex: some StringProtocol) {
        let digits = hex.utf8.compactMap { Hexadecimal.value(ofDigit: $0) }
        guard digits.count == hex.utf8.count, digits.count == 40 || digits.count == 64 else { return nil }
        self.init(bytes: (0..<20).map { digits[2 * $0] << 4 | digits[2 * $0 + 1] })
    }

    public var bytes: [UInt8] {
        (0..<20).map { index in
            switch index {
            case 0..<8: UInt8(truncatingIfNeeded: first >> UInt64(56 - 8 * index))
            case 8..<16: UInt8(truncatingIfNeeded: second >> UInt64(120 - 8 * index))
            default: UInt8(truncatingIfNeeded: third >> UInt32(152 - 8 * index))
            }
        }
    }

    public var description: String {
        Hexadecimal.encode(bytes)
    }

    public static func < (a: SwarmKey, b: SwarmKey) -> Bool {
        (a.first, a.second, a.third) < (b.first, b.second, b.third)
    }
}

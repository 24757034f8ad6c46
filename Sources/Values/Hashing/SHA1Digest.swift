// Hashing: SHA-1 and SHA-256 of many messages at the same time, and the Merkle trees of BEP 52.
//
// Everything Swoop moves is hashed at both ends, and hashing is its largest single cost. So independent messages
// (pieces, 16 KiB blocks, nodes of a tree) are hashed several at a time in one thread where the processor has
// instructions for it, and by swift-crypto elsewhere. Both give the same results.
//
// This module must never read a file, start a thread or keep a secret. SHA-1 here names content; it does not protect
// against an attacker who can make collisions (BEP 3 leaves no choice; BEP 52 is the remedy).

import Text

/// A SHA-1 digest: 20 bytes, stored inline, ordered byte by byte.
public struct SHA1Digest: Hashable, Sendable, BitwiseCopyable {
    /// The number of bytes in a digest.
    public static let byteCount = 20
    public static let zero = SHA1Digest(words: (0, 0, 0))

    // The digest's bytes are in memory in order, on any processor: `withUnsafeBytes` relies on it.
    private let first: UInt64
    private let second: UInt64
    private let third: UInt32

    private init(words: (UInt64, UInt64, UInt32)) {
        (first, second, third) = words
    }

    /// The digest with the state words `state[0..<5]`, most significant byte first.
    init(state: UnsafePointer<UInt32>) {
        func pair(_ i: Int) -> UInt64 { UInt64(state[i]) << 32 | UInt64(state[i + 1]) }
        self.init(words: (pair(0).bigEndian, pair(2).bigEndian, state[4].bigEndian))
    }

    /// Nil unless there are exactly 20 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var words: (UInt64, UInt64, UInt32) = (0, 0, 0)
        withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
        self.init(words: words)
    }

    /// Nil unless there are exactly 20 bytes.
    public init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.byteCount else { return nil }
        self.init(
            words: (
                bytes.loadUnaligned(as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self)
            ))
    }

    /// Nil unless there are exactly 40 hexadecimal digits (either case).
    public init?(hex: some StringProtocol) {
        guard let bytes = Hexadecimal.decode(hex, byteCount: Self.byteCount) else { return nil }
        self.init(bytes: bytes)
    }

    /// The 20 bytes, valid only during the call.
    public func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R)
        throws(E) -> R
    {
        try Swift.withUnsafeBytes(of: self) { (raw) throws(E) -> R in
            try body(UnsafeRawBufferPointer(rebasing: raw[..<Self.byteCount]))
        }
    }

    /// The 20 bytes.
    public var bytes: [UInt8] { withUnsafeBytes { Array($0) } }
    /// 40 lower-case hexadecimal digits.
    public var hex: String { withUnsafeBytes { Hexadecimal.encode($0) } }
}

extension SHA1Digest: Comparable, CustomStringConvertible {
    public static func < (left: Self, right: Self) -> Bool {
        if left.first != right.first { return left.first.bigEndian < right.first.bigEndian }
        if left.second != right.second { return left.second.bigEndian < right.second.bigEndian }
        return left.third.bigEndian < right.third.bigEndian
    }

    public var description: String { hex }
}

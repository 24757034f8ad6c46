/// A peer id: 20 bytes that identify a running client (BEP 3, BEP 20). Stored inline.
public struct PeerID: Sendable, Hashable {
    public static let byteCount = 20

    private let high: UInt64
    private let middle: UInt64
    private let low: UInt32

    /// - Returns: nil unless there are exactly 20 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var words: (UInt64, UInt64, UInt32) = (0, 0, 0)
        for (offset, byte) in bytes.enumerated() {
            switch offset {
            case 0..<8: words.0 = words.0 << 8 | UInt64(byte)
            case 8..<16: words.1 = words.1 << 8 | UInt64(byte)
            default: words.2 = words.2 << 8 | UInt32(byte)
            }
        }
        (high, middle, low) = words
    }

    /// The 20 bytes at the start of `bytes`. The caller has checked that they are there.
    init(wire bytes: UnsafeRawBufferPointer) {
        high = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        middle = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        low = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
    }

    /// An id in the Azureus style (BEP 20): `-SWxxyy-` and twelve random bytes.
    /// - Parameter major, minor: stored in the id modulo 100.
    public init(major: Int, minor: Int, using generator: inout some RandomNumberGenerator) {
        func digits(_ number: Int) -> UInt64 {
            let value = UInt64(number.magnitude % 100)
            return (0x30 + value / 10) << 8 | (0x30 + value % 10)
        }
        let prefix = Self.prefix << 40 | digits(major) << 24 | digits(minor) << 8
        high = prefix | UInt64(UInt8(ascii: "-"))
        middle = generator.next()
        low = UInt32(truncatingIfNeeded: generator.next())
    }

    /// Twenty random bytes, for an id that must not be guessed.
    public init(random generator: inout some RandomNumberGenerator) {
        high = generator.next()
        middle = generator.next()
        low = UInt32(truncatingIfNeeded: generator.next())
    }

    private static let prefix: UInt64 = 0x2d_5357  // "-SW"

    /// Whether the prefix is Swoop's. Any client can use it, so this is good for statistics only.
    public var isSwoop: Bool { high >> 40 == Self.prefix && high & 0xff == UInt64(UInt8(ascii: "-")) }

    public var bytes: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(Self.byteCount)
        append(to: &result)
        return result
    }

    func append(to buffer: inout [UInt8]) {
        buffer.append(bigEndian: high)
        buffer.append(bigEndian: middle)
        buffer.append(bigEndian: low)
    }
}

extension PeerID: CustomStringConvertible {
    /// Letters, digits and dashes as they are; other bytes as `%xx`.
    public var description: String {
        bytes.map { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"):
                String(UnicodeScalar(byte))
            default: (byte < 16 ? "%0" : "%") + String(byte, radix: 16)
            }
        }.joined()
    }
}

extension PeerID: Comparable {
    /// Byte order. When two hosts connect to each other at the same time, both compare the ids and keep the same
    /// connection.
    public static func < (left: PeerID, right: PeerID) -> Bool {
        (left.high, left.middle, left.low) < (right.high, right.middle, right.low)
    }
}

/// Where a peer listens: an IPv4 or IPv6 address and a TCP port. Inline, no heap.
///
/// An IPv4 address written as IPv6 (`::ffff:1.2.3.4`) is taken for the IPv4 address it is, so that one peer has one
/// endpoint whichever socket it came by.
public struct PeerEndpoint: Sendable, Hashable {
    private let high: UInt64
    private let low: UInt64
    public let port: UInt16
    public let isIPv6: Bool

    /// - Parameter bytes: 4 or 16 bytes in network order.
    /// - Returns: nil for any other number of bytes.
    public init?(address bytes: some Collection<UInt8>, port: UInt16) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        var (first, second): (UInt64, UInt64) = (0, 0)
        for byte in bytes {
            first = first << 8 | second >> 56
            second = second << 8 | UInt64(byte)
        }
        let isMapped = first == 0 && second >> 32 == 0xffff
        isIPv6 = bytes.count == 16 && !isMapped
        high = first
        low = isIPv6 ? second : second & 0xffff_ffff
        self.port = port
    }

    /// - Parameter bytes: 6 or 18 bytes: address and port (BEP 23, 7, 11).
    public init?(compact bytes: ArraySlice<UInt8>) {
        guard bytes.count == 6 || bytes.count == 18 else { return nil }
        let port = bytes.suffix(2).reduce(UInt16(0)) { $0 << 8 | UInt16($1) }
        self.init(address: bytes.dropLast(2), port: port)
    }

    /// The address: 4 or 16 bytes in network order.
    public var address: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(18)
        if isIPv6 {
            bytes.append(bigEndian: high)
            bytes.append(bigEndian: low)
        } else {
            bytes.append(bigEndian: UInt32(truncatingIfNeeded: low))
        }
        return bytes
    }

    /// Address and port: 6 or 18 bytes.
    public var compact: [UInt8] {
        var bytes = address
        bytes.append(bigEndian: port)
        return bytes
    }

    public func hasSameAddress(as other: PeerEndpoint) -> Bool {
        isIPv6 == other.isIPv6 && high == other.high && low == other.low
    }
}

extension PeerEndpoint: CustomStringConvertible {
    /// `1.2.3.4:80` or `[2001:db8::1]:80` (RFC 5952).
    public var description: String {
        let bytes = address
        guard isIPv6 else { return bytes.map { String($0) }.joined(separator: ".") + ":\(port)" }
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        let zeros = longestZeroRun(groups)
        func text(_ range: Range<Int>) -> String { groups[range].map { String($0, radix: 16) }.joined(separator: ":") }
        guard zeros.count > 1 else { return "[\(text(0..<8))]:\(port)" }
        return "[\(text(0..<zeros.lowerBound))::\(text(zeros.upperBound..<8))]:\(port)"
    }

    private func longestZeroRun(_ groups: [UInt16]) -> Range<Int> {
        var longest = 0..<0
        var start = 0
        for (index, group) in groups.enumerated() {
            if group != 0 {
                start = index + 1
            } else if index + 1 - start > longest.count {
                longest = start..<(index + 1)
            }
        }
        return longest
    }
}

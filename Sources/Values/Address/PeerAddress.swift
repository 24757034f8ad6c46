/// An IPv4 or IPv6 address and a port: where a peer or a server listens, or where a connection comes from.
///
/// The value takes 17 bytes inline and no heap, because a tracker response can name hundreds of peers. An IPv4-mapped
/// address (`::ffff:a.b.c.d`) is stored as IPv4, so that one host has one value.
public struct PeerAddress: Hashable, Sendable {
    /// The IP version.
    public enum Family: UInt8, Sendable {
        case ipv4 = 4
        case ipv6 = 6
    }

    /// First eight bytes of an IPv6 address as a big-endian number; zero for IPv4.
    public let high: UInt64
    /// Last eight bytes of an IPv6 address, or the four bytes of an IPv4 address, as a big-endian number.
    public let low: UInt64
    /// Of a peer, 0 means that it takes no connections; where we listen, that the system chooses.
    public let port: UInt16
    public let family: Family

    package init(family: Family, high: UInt64, low: UInt64, port: UInt16) {
        self.family = family
        self.high = high
        self.low = low
        self.port = port
    }

    /// An IPv4 address from its four bytes as one big-endian number: 127.0.0.1 is `0x7f00_0001`.
    public init(ipv4: UInt32, port: UInt16) {
        self.init(family: .ipv4, high: 0, low: UInt64(ipv4), port: port)
    }

    /// An IPv6 address from its two halves as big-endian numbers. An IPv4-mapped address (`::ffff:0:0/96`) becomes
    /// IPv4.
    public init(ipv6High high: UInt64, low: UInt64, port: UInt16) {
        if high == 0, low >> 32 == 0xffff {
            self.init(ipv4: UInt32(truncatingIfNeeded: low), port: port)
        } else {
            self.init(family: .ipv6, high: high, low: low, port: port)
        }
    }

    /// Reads the 4 or 16 bytes of an address in network order; nil for any other count.
    public init?(addressBytes bytes: some Collection<UInt8>, port: UInt16) {
        switch bytes.count {
        case 4: self.init(ipv4: UInt32(truncatingIfNeeded: PeerAddress.bigEndian(bytes)), port: port)
        case 16:
            self.init(
                ipv6High: PeerAddress.bigEndian(bytes.prefix(8)), low: PeerAddress.bigEndian(bytes.dropFirst(8)),
                port: port)
        default: return nil
        }
    }

    private static func bigEndian(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The same address with another port.
    public func with(port: UInt16) -> PeerAddress {
        PeerAddress(family: family, high: high, low: low, port: port)
    }

    /// The address alone, 4 or 16 bytes in network order.
    public var addressBytes: [UInt8] {
        switch family {
        case .ipv4: (0..<4).map { UInt8(truncatingIfNeeded: low >> (24 - 8 * $0)) }
        case .ipv6:
            (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? high : low) >> (56 - 8 * ($0 % 8))) }
        }
    }

    /// Whether both addresses have the same IP address. Ports are ignored.
    public func hasSameHost(as other: PeerAddress) -> Bool {
        family == other.family && high == other.high && low == other.low
    }
}

extension PeerAddress {
    /// 127.0.0.0/8 or ::1.
    public var isLoopback: Bool {
        switch family {
        case .ipv4: low >> 24 == 127
        case .ipv6: high == 0 && low == 1
        }
    }

    /// 169.254.0.0/16 (where clouds serve credentials) or fe80::/10.
    public var isLinkLocal: Bool {
        switch family {
        case .ipv4: low >> 16 == 0xa9fe
        case .ipv6: high >> 54 == 0xfe80 >> 6
        }
    }

    /// RFC 1918, RFC 6598 (carrier-grade NAT) or fc00::/7.
    public var isPrivate: Bool {
        switch family {
        case .ipv4: low >> 24 == 10 || low >> 20 == 0xac1 || low >> 16 == 0xc0a8 || low >> 22 == 0x6440 >> 6
        case .ipv6: high >> 57 == 0xfc >> 1
        }
    }

    /// 0.0.0.0 or ::, which name no host.
    public var isUnspecified: Bool { high == 0 && low == 0 }

    /// 224.0.0.0/4, 240.0.0.0/4 (which includes broadcast) or ff00::/8: no single host answers there.
    public var isMulticast: Bool {
        switch family {
        case .ipv4: low >> 28 >= 0xe
        case .ipv6: high >> 56 == 0xff
        }
    }

    /// Whether a connection can be opened to this address: it names one host and has a port.
    public var isConnectable: Bool {
        port != 0 && !isUnspecified && !isMulticast && !(family == .ipv4 && low >> 24 == 0)
    }
}

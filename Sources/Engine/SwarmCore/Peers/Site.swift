import PeerWire

/// Decides which hosts are at the same site: near each other, behind one uplink.
public enum Site {
    /// Maximum length of a site name, in bytes.
    public static let longestName = WireLimits.default.longestSite

    /// Whether two addresses are on the same local network: in one /24 of the private IPv4 networks (RFC 1918, 6598,
    /// 3927), or in one /64 of IPv6. Public IPv4 addresses and loopback addresses give no such information.
    /// - Parameters: 4 or 16 bytes each, in network order.
    public static func areNeighbours(_ first: [UInt8], _ second: [UInt8]) -> Bool {
        guard first.count == second.count else { return false }
        switch first.count {
        case 4: return first.prefix(3) == second.prefix(3) && isPrivate(first)
        case 16:
            // An address without a prefix is unspecified, loopback or IPv4-mapped.
            return first.prefix(8) == second.prefix(8) && first.prefix(8).contains { $0 != 0 }
        default: return false
        }
    }

    private static func isPrivate(_ address: [UInt8]) -> Bool {
        switch (address[0], address[1]) {
        case (10, _), (192, 168), (169, 254), (172, 16...31), (100, 64...127): true
        default: false
        }
    }
}

import Glibc
import NIOCore

/// How far an address can be reached from. Decides whether a redirect, or a URL from a torrent, may lead there.
package enum AddressReach: Int, Sendable, Comparable {
    /// This host: 127.0.0.0/8, ::1, and the unspecified addresses, which Linux treats as this host.
    case host
    /// This link: 169.254.0.0/16 (clouds serve credentials at 169.254.169.254) and fe80::/10. Also multicast, and other
    /// addresses at which clouds serve credentials.
    case link
    /// This organisation: RFC 1918, RFC 6598, unique local addresses, and other addresses that are not routed publicly.
    case site
    /// The public Internet.
    case everywhere

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    package init(_ address: SocketAddress) {
        switch address {
        case .v4(let v4): self.init(ipv4: UInt32(bigEndian: v4.address.sin_addr.s_addr))
        case .v6(let v6): self.init(ipv6: withUnsafeBytes(of: v6.address.sin6_addr) { Array($0) })
        case .unixDomainSocket: self = .host
        }
    }

    init(ipv4 address: UInt32) {
        if AddressReach.metadataServices.contains(address) {
            self = .link
            return
        }
        switch address >> 24 {
        case 0, 127: self = .host
        case 10: self = .site
        case 224...255: self = .link
        default:
            if address >> 16 == 0xa9fe {
                self = .link
            } else if address >> 20 == 0xac1 || address >> 16 == 0xc0a8 || address >> 22 == 0x6440 >> 6
                || address >> 8 == 0xc00000 || address >> 17 == 0xc612 >> 1
            {
                self = .site
            } else {
                self = .everywhere
            }
        }
    }

    /// Addresses other than 169.254.169.254 at which clouds serve credentials: 100.100.100.200 (Alibaba), 192.0.0.192
    /// (Oracle).
    private static let metadataServices: Set<UInt32> = [0x6464_64c8, 0xc000_00c0]

    /// - Parameter address: 16 bytes. IPv6 addresses that contain an IPv4 address (mapped, compatible, NAT64, 6to4,
    ///   Teredo) have the reach of that IPv4 address.
    init(ipv6 address: [UInt8]) {
        func embedded(at offset: Int) -> AddressReach {
            AddressReach(ipv4: address[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
        }
        guard address.count == 16 else {
            self = .host
            return
        }
        if address.allSatisfy({ $0 == 0 }) || (address.dropLast().allSatisfy { $0 == 0 } && address[15] == 1) {
            self = .host
        } else if address.prefix(10).allSatisfy({ $0 == 0 }) && (address[10..<12].allSatisfy { $0 == address[11] }) {
            self = embedded(at: 12)
        } else if address.starts(with: [0, 0x64, 0xff, 0x9b, 0, 1]) {
            // NAT64 with a local prefix (RFC 8215): each organisation decides which bytes hold the IPv4 address.
            self = .site
        } else if address.starts(with: [0, 0x64, 0xff, 0x9b]) {
            self = embedded(at: 12)
        } else if address.starts(with: [0x20, 0x01, 0, 0]) {
            // Teredo (RFC 4380) stores the client's IPv4 address inverted.
            self = AddressReach(ipv4: ~address[12..<16].reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
        } else if address.starts(with: [0x20, 0x02]) {
            self = embedded(at: 2)
        } else if address[0] == 0xff || (address[0] == 0xfe && address[1] & 0xc0 == 0x80) {
            self = .link
        } else if address.starts(with: [0xfd, 0, 0x0e, 0xc2]) || address.starts(with: [0xfd, 0x20, 0, 0xce]) {
            // fd00:ec2::254 (EC2) and fd20:ce::254 (Google Cloud) serve credentials.
            self = .link
        } else if address[0] & 0xfe == 0xfc || (address[0] == 0xfe && address[1] & 0xc0 == 0xc0) {
            self = .site
        } else {
            self = .everywhere
        }
    }
}

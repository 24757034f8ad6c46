import Glibc
import NIOCore

/// From how far an address can be reached: what decides whether a redirect may lead there.
package enum AddressReach: Int, Sendable, Comparable {
    /// This host: 127.0.0.0/8, ::1, and the unspecified addresses, which Linux takes for it.
    case host
    /// This link, where clouds serve credentials (169.254.169.254): 169.254.0.0/16, fe80::/10. Also multicast.
    case link
    /// This organisation: RFC 1918, RFC 6598, unique local addresses and what else is not routed in public.
    case site
    /// Everywhere.
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

    /// - Parameter address: 16 bytes. IPv4 addresses inside IPv6 ones (mapped, compatible, NAT64, 6to4) count as what
    ///   they lead to.
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
        } else if address.starts(with: [0, 0x64, 0xff, 0x9b]) {
            self = embedded(at: 12)
        } else if address.starts(with: [0x20, 0x02]) {
            self = embedded(at: 2)
        } else if address[0] == 0xff || (address[0] == 0xfe && address[1] & 0xc0 == 0x80) {
            self = .link
        } else if address[0] & 0xfe == 0xfc || (address[0] == 0xfe && address[1] & 0xc0 == 0xc0) {
            self = .site
        } else {
            self = .everywhere
        }
    }

    /// Whether a server whose addresses are `origin` may send us to one whose addresses are `target`.
    ///
    /// A public server may not point into a site, nor anyone at this host or this link unless it is there itself: the
    /// request would come from inside, where it might be trusted. Within a site redirects are everyday.
    package static func mayRedirect(from origin: [AddressReach], to target: [AddressReach]) -> Bool {
        target.allSatisfy { place in
            switch place {
            case .everywhere: true
            case .site: !origin.isEmpty && origin.allSatisfy { $0 != .everywhere }
            case .link: origin.contains(.link)
            case .host: origin.contains(.host)
            }
        }
    }
}

import Address
import Glibc

// Between an address as this program has it and as system calls want it: here, and nowhere else.

extension PeerAddress {
    /// Every address of this host, with one port.
    public static func any(port: UInt16) -> PeerAddress { PeerAddress(ipv6High: 0, low: 0, port: port) }

    public func withKernelAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        switch family {
        case .ipv4:
            var kernel = sockaddr_in()
            kernel.sin_family = sa_family_t(AF_INET)
            kernel.sin_port = port.bigEndian
            kernel.sin_addr.s_addr = UInt32(truncatingIfNeeded: low).bigEndian
            return withUnsafePointer(to: kernel) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        case .ipv6:
            var kernel = sockaddr_in6()
            kernel.sin6_family = sa_family_t(AF_INET6)
            kernel.sin6_port = port.bigEndian
            withUnsafeMutableBytes(of: &kernel.sin6_addr) {
                $0.storeBytes(of: high.bigEndian, as: UInt64.self)
                $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            return withUnsafePointer(to: kernel) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
                }
            }
        }
    }

    /// An address that the kernel wrote for a socket of IPv4 or IPv6.
    /// - Parameter kernel: a `sockaddr_in6`, which has room for both. The scope of a link-local address is left out.
    @inlinable @inline(__always)
    public init(kernel: UnsafeRawPointer) {
        let port = UInt16(bigEndian: kernel.load(fromByteOffset: 2, as: UInt16.self))
        if kernel.load(as: sa_family_t.self) == sa_family_t(AF_INET) {
            self.init(ipv4: UInt32(bigEndian: kernel.load(fromByteOffset: 4, as: UInt32.self)), port: port)
        } else {
            self.init(
                ipv6High: UInt64(bigEndian: kernel.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                low: UInt64(bigEndian: kernel.loadUnaligned(fromByteOffset: 16, as: UInt64.self)), port: port)
        }
    }
}

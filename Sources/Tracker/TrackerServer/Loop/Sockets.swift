import Address
import Glibc
import Tracking

/// Listening sockets, and conversion between kernel addresses and `PeerAddress`.
enum Sockets {
    enum Kind: String {
        case http = "HTTP"
        case udp = "UDP"

        var type: Int32 {
            Int32(self == .http ? SOCK_STREAM.rawValue : SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
                | Int32(SOCK_CLOEXEC.rawValue)
        }
    }

    /// A socket and its bound address; closed when the last reference is released.
    final class Bound: Sendable {
        let descriptor: Int32
        let address: PeerAddress

        init(descriptor: Int32, address: PeerAddress) {
            self.descriptor = descriptor
            self.address = address
        }

        deinit { close(descriptor) }
    }

    /// A bound socket; an HTTP socket also listens. On a host without IPv6, `[::]` becomes `0.0.0.0`.
    static func bind(_ kind: Kind, _ address: PeerAddress) throws(TrackerServerError) -> Bound {
        do {
            return try bindExactly(kind, address)
        } catch {
            guard address.family == .ipv6, address.isUnspecified, error.code == .addressNotAvailable else {
                throw error
            }
            return try bindExactly(kind, PeerAddress(ipv4: 0, port: address.port))
        }
    }

    private static func bindExactly(_ kind: Kind, _ address: PeerAddress) throws(TrackerServerError) -> Bound {
        let domain = address.family == .ipv4 ? AF_INET : AF_INET6
        let descriptor = socket(domain, kind.type, 0)
        guard descriptor >= 0 else { throw failure(kind, address, errno) }
        if kind == .http { set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) }
        if address.family == .ipv6 { set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, address.isUnspecified ? 0 : 1) }
        if kind == .http {
            // The kernel accepts a connection when its first bytes have arrived: one wake-up instead of two, and a
            // client that connects and sends nothing costs no descriptor. After a timeout the kernel accepts it anyway.
            set(descriptor, Int32(IPPROTO_TCP), TCP_DEFER_ACCEPT, 2)
            set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        } else {
            set(descriptor, SOL_SOCKET, SO_RCVBUF, 4 << 20)
            set(descriptor, SOL_SOCKET, SO_SNDBUF, 4 << 20)
            if address.isUnspecified {
                // So that a response leaves from the address to which the request was sent.
                if address.family == .ipv4 {
                    set(descriptor, Int32(IPPROTO_IP), IP_PKTINFO, 1)
                } else {
                    set(descriptor, Int32(IPPROTO_IPV6), IPV6_RECVPKTINFO, 1)
                }
            }
        }
        let result = withKernelAddress(address) { Glibc.bind(descriptor, $0, $1) }
        guard result == 0, kind == .udp || listen(descriptor, 1024) == 0 else {
            let code = errno
            close(descriptor)
            throw failure(kind, address, code)
        }
        return Bound(descriptor: descriptor, address: localAddress(descriptor) ?? address)
    }

    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        _ = setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func failure(_ kind: Kind, _ address: PeerAddress, _ code: Int32) -> TrackerServerError {
        let what = "\(kind.rawValue) cannot listen on \(address)"
        switch code {
        case EADDRINUSE:
            return TrackerServerError(.addressInUse, "\(what): another program does; stop it or choose another port")
        case EADDRNOTAVAIL, EAFNOSUPPORT:
            return TrackerServerError(.addressNotAvailable, "\(what): this machine has no such address")
        case EACCES:
            return TrackerServerError(
                .permissionDenied, "\(what): ports under 1024 need privileges; choose a higher one")
        default:
            return TrackerServerError(.system, "\(what): \(String(cString: strerror(code)))")
        }
    }

    static func withKernelAddress<R>(
        _ address: PeerAddress, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R
    ) -> R {
        if address.family == .ipv4 {
            var kernel = sockaddr_in()
            kernel.sin_family = sa_family_t(AF_INET)
            kernel.sin_port = address.port.bigEndian
            kernel.sin_addr.s_addr = UInt32(truncatingIfNeeded: address.low).bigEndian
            return withUnsafePointer(to: kernel) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        var kernel = sockaddr_in6()
        kernel.sin6_family = sa_family_t(AF_INET6)
        kernel.sin6_port = address.port.bigEndian
        withUnsafeMutableBytes(of: &kernel.sin6_addr) { $0.copyBytes(from: address.addressBytes) }
        return withUnsafePointer(to: kernel) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
    }

    /// The address in memory that the kernel filled; a `sockaddr_in6` has room for both families.
    @inline(__always)
    static func address(_ kernel: UnsafeRawPointer) -> PeerAddress {
        let port = UInt16(bigEndian: kernel.load(fromByteOffset: 2, as: UInt16.self))
        if kernel.load(as: sa_family_t.self) == sa_family_t(AF_INET) {
            return PeerAddress(ipv4: UInt32(bigEndian: kernel.load(fromByteOffset: 4, as: UInt32.self)), port: port)
        }
        return PeerAddress(
            ipv6High: UInt64(bigEndian: kernel.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
            low: UInt64(bigEndian: kernel.loadUnaligned(fromByteOffset: 16, as: UInt64.self)), port: port)
    }

    static func localAddress(_ descriptor: Int32) -> PeerAddress? {
        var kernel = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let result = withUnsafeMutablePointer(to: &kernel) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return result == 0 ? withUnsafePointer(to: kernel) { address(UnsafeRawPointer($0)) } : nil
    }
}

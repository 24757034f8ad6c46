import Address
import Glibc
import Reactor
import Tracking

/// The tracker's sockets.
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
        if kind == .http { Socket.set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) }
        if address.family == .ipv6 {
            Socket.set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, address.isUnspecified ? 0 : 1)
        }
        if kind == .http {
            // The kernel accepts a connection when its first bytes are there: one wake-up instead of two, and a peer
            // that connects and says nothing costs no descriptor. What comes later than that is accepted all the same.
            Socket.set(descriptor, Int32(IPPROTO_TCP), TCP_DEFER_ACCEPT, 2)
            Socket.set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        } else {
            Socket.set(descriptor, SOL_SOCKET, SO_RCVBUF, 4 << 20)
            Socket.set(descriptor, SOL_SOCKET, SO_SNDBUF, 4 << 20)
            if address.isUnspecified {
                // So that a response leaves from the address to which the request was sent.
                if address.family == .ipv4 {
                    Socket.set(descriptor, Int32(IPPROTO_IP), IP_PKTINFO, 1)
                } else {
                    Socket.set(descriptor, Int32(IPPROTO_IPV6), IPV6_RECVPKTINFO, 1)
                }
            }
        }
        let result = address.withKernelAddress { Glibc.bind(descriptor, $0, $1) }
        guard result == 0, kind == .udp || listen(descriptor, 1024) == 0 else {
            let code = errno
            close(descriptor)
            throw failure(kind, address, code)
        }
        return Bound(descriptor: descriptor, address: Socket.localAddress(of: descriptor) ?? address)
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
}

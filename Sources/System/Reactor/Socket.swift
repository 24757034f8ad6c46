import Address
import CLinux
import Glibc

/// Non-blocking TCP sockets: system calls that return their outcome as a value.
public enum Socket {
    public enum Outcome: Equatable, Sendable {
        case bytes(Int)
        /// Nothing can be transferred now: wait for readiness.
        case wouldBlock
        /// The remote side has sent its last byte (reading only).
        case ended
        case failed(CInt)
    }

    /// A listening socket. Bound to `[::]` it takes both IP versions.
    public static func listen(on address: PeerAddress, backlog: CInt = 512) throws(SocketError) -> CInt {
        let descriptor = try open(address)
        set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        if address.family == .ipv6 {
            set(descriptor, CInt(IPPROTO_IPV6), IPV6_V6ONLY, address.isUnspecified ? 0 : 1)
        }
        let bound = address.withKernelAddress { bind(descriptor, $0, $1) }
        guard bound == 0, Glibc.listen(descriptor, backlog) == 0 else {
            let error = SocketError("bind \(address)")
            close(descriptor)
            throw error
        }
        return descriptor
    }

    /// Begins to connect; the socket becomes writable when it is done, and ``error(of:)`` tells how.
    /// - Parameter source: the local address to come from, with a port of the system's choice.
    public static func connect(to address: PeerAddress, from source: PeerAddress?) throws(SocketError) -> CInt {
        let descriptor = try open(address)
        if let source, !source.isUnspecified, source.family == address.family {
            // The port is chosen at connect, when the whole four-tuple is known.
            set(descriptor, CInt(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, 1)
            _ = source.with(port: 0).withKernelAddress { bind(descriptor, $0, $1) }
        }
        let result = address.withKernelAddress { Glibc.connect(descriptor, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else {
            let error = SocketError("connect \(address)")
            close(descriptor)
            throw error
        }
        return descriptor
    }

    /// The next waiting connection; nil when there is none, or none can be taken now.
    public static func accept(on listener: CInt) throws(SocketError) -> (descriptor: CInt, from: PeerAddress)? {
        var kernel = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let descriptor = withUnsafeMutablePointer(to: &kernel) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { swoop_accept(listener, $0, &length) }
        }
        guard descriptor >= 0 else {
            if errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM { throw SocketError("accept") }
            return nil
        }
        return (descriptor, withUnsafePointer(to: kernel) { PeerAddress(kernel: $0) })
    }

    public static func localAddress(of descriptor: CInt) -> PeerAddress? {
        var kernel = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let result = withUnsafeMutablePointer(to: &kernel) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return result == 0 ? withUnsafePointer(to: kernel) { PeerAddress(kernel: $0) } : nil
    }

    /// `errno` of a finished connect; 0 if it succeeded.
    public static func error(of descriptor: CInt) -> CInt {
        var value: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &value, &length) == 0 ? value : errno
    }

    public static func set(_ descriptor: CInt, _ level: CInt, _ option: CInt, _ value: CInt) {
        var value = value
        _ = setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }

    public static func setNoDelay(_ descriptor: CInt) { set(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, 1) }

    /// Sets the number of unsent bytes in the kernel above which the socket is not writable.
    public static func setUnsentLowWater(_ descriptor: CInt, bytes: Int) {
        set(descriptor, CInt(IPPROTO_TCP), TCP_NOTSENT_LOWAT, CInt(clamping: bytes))
    }

    public static func receive(_ descriptor: CInt, into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
        reading(recv(descriptor, buffer.baseAddress, buffer.count, 0))
    }

    /// Fills the vectors one after the other.
    public static func receive(_ descriptor: CInt, into vectors: UnsafeBufferPointer<iovec>) -> Outcome {
        reading(readv(descriptor, vectors.baseAddress, CInt(vectors.count)))
    }

    /// - Parameter more: more data follows at once, so the kernel may delay a short segment.
    public static func send(_ descriptor: CInt, _ buffer: UnsafeRawBufferPointer, more: Bool) -> Outcome {
        let flags = CInt(MSG_NOSIGNAL) | (more ? CInt(MSG_MORE) : 0)
        return writing(Glibc.send(descriptor, buffer.baseAddress, buffer.count, flags))
    }

    /// Sends file content without copying it through this process. `.bytes(0)`: the file ends before `offset`.
    public static func sendFile(_ descriptor: CInt, from file: CInt, at offset: Int64, count: Int) -> Outcome {
        var position = off_t(offset)
        return writing(sendfile(descriptor, file, &position, count))
    }

    private static func open(_ address: PeerAddress) throws(SocketError) -> CInt {
        let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family == .ipv4 ? AF_INET : AF_INET6, kind, 0)
        guard descriptor >= 0 else { throw SocketError("socket") }
        return descriptor
    }

    private static func reading(_ count: Int) -> Outcome { count == 0 ? .ended : writing(count) }

    private static func writing(_ count: Int) -> Outcome {
        if count >= 0 { return .bytes(count) }
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? .wouldBlock : .failed(errno)
    }
}

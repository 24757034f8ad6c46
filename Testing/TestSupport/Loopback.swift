import Foundation

/// Blocking TCP sockets of this machine's loopback, for servers and clients that a test plays itself.
package enum Loopback {
    /// An IPv4 address of this machine. `host` is dotted, of 127.0.0.0/8.
    static func address(_ host: String = "127.0.0.1", port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr(host)
        address.sin_port = port.bigEndian
        return address
    }

    /// A stream socket that no program inherits.
    static func socket() -> CInt {
        Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    }

    /// Binds a socket to an address of this machine. False when the port is taken.
    static func bind(_ descriptor: CInt, _ host: String = "127.0.0.1", port: UInt16) -> Bool {
        withUnsafePointer(to: address(host, port: port)) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    /// The port that a socket is bound to; 0 when it is not.
    package static func port(of descriptor: CInt) -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) == 0 }
        }
        return isBound ? UInt16(bigEndian: address.sin_port) : 0
    }

    /// A connection to a port of this machine.
    /// - Parameter patience: seconds after which a read or a write that gets nowhere fails; nil for never.
    package static func connect(to port: UInt16, patience: Double? = nil) throws -> CInt {
        let descriptor = socket()
        if let patience { setPatience(descriptor, patience) }
        let isConnected = withUnsafePointer(to: address(port: port)) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else {
            let number = errno
            close(descriptor)
            throw SystemFailure("connect to port \(port)", number)
        }
        return descriptor
    }

    static func setPatience(_ descriptor: CInt, _ seconds: Double) {
        var time = timeval(tv_sec: Int(seconds), tv_usec: Int(seconds.truncatingRemainder(dividingBy: 1) * 1e6))
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    /// Waits so many seconds, or until the other side closes the connection or resets it: for peers that take their time.
    /// What comes meanwhile stays unread.
    /// - Returns: whether it was closed.
    package static func isClosed(_ descriptor: CInt, within seconds: Double) -> Bool {
        // POLLRDHUP, which the C library shows to GNU programs only.
        var watched = pollfd(fd: descriptor, events: 0x2000, revents: 0)
        let end = ContinuousClock.now + .seconds(seconds)
        while case let left = end - .now, left > .zero {
            let milliseconds = left.components.seconds * 1_000 + left.components.attoseconds / 1_000_000_000_000_000
            switch poll(&watched, 1, Int32(clamping: max(1, milliseconds))) {
            case 0: continue
            case -1 where errno == EINTR: continue
            default: return true
            }
        }
        return false
    }

    /// Sends all bytes. False when the connection ended before.
    @discardableResult
    package static func send(_ descriptor: CInt, _ bytes: some Collection<UInt8>) -> Bool {
        let bytes = Array(bytes)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// The next bytes of a connection; empty at its end, nil when nothing came in time or the connection was reset.
    package static func receive(_ descriptor: CInt, most: Int = 65_536) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: most)
        while true {
            let count = recv(descriptor, &bytes, most, 0)
            if count < 0, errno == EINTR { continue }
            return count < 0 ? nil : Array(bytes[..<count])
        }
    }
}

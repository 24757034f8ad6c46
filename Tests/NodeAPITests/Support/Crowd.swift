import Foundation
import Glibc

/// Many connections to one port of this machine, which say what they are told to and nothing else.
final class Crowd: Sendable {
    let sockets: [Int32]

    /// - Parameter said: sent on each when it is connected.
    init(_ count: Int, to port: Int, saying said: [UInt8] = []) {
        var sockets: [Int32] = []
        for _ in 0..<count {
            let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard socket >= 0 else { break }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(UInt16(port).bigEndian)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let isConnected = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard isConnected == 0 else {
                close(socket)
                continue
            }
            if !said.isEmpty { _ = send(socket, said, said.count, Int32(MSG_NOSIGNAL)) }
            sockets.append(socket)
        }
        self.sockets = sockets
    }

    deinit { for socket in sockets { close(socket) } }

    func say(_ bytes: [UInt8]) {
        for socket in sockets { _ = send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
    }

    /// How many of them the other side has closed.
    var closed: Int {
        sockets.count { socket in
            var byte: UInt8 = 0
            let count = recv(socket, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
            return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)
        }
    }

    /// As many descriptors as the system lets this process have.
    static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

import Foundation
import Glibc
import TestSupport

/// Many connections to one port of this machine, which say what they are told to and nothing else.
final class Crowd: Sendable {
    let sockets: [Int32]

    /// - Parameter said: sent on each when it is connected.
    init(_ count: Int, to port: Int, saying said: [UInt8] = []) {
        var sockets: [Int32] = []
        for _ in 0..<count {
            guard let socket = try? Loopback.connect(to: UInt16(port)) else { continue }
            if !said.isEmpty { Loopback.send(socket, said) }
            sockets.append(socket)
        }
        self.sockets = sockets
    }

    deinit { for socket in sockets { close(socket) } }

    func say(_ bytes: [UInt8]) {
        for socket in sockets { Loopback.send(socket, bytes) }
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

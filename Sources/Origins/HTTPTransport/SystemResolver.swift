import Glibc
import NIOCore
import NIOPosix

/// Resolves names with the system's resolver, outside the event loops and the cooperative thread pool.
package enum SystemResolver {
    /// The name does not exist, or no name server answered.
    package struct Failure: Error, CustomStringConvertible {
        package let host: String
        package let reason: String
        package var description: String { "the name \(host) cannot be resolved: \(reason)" }
    }

    /// Name servers that are silent hold a thread for many seconds each. These threads are for nothing else, so that no disk
    /// access of the process waits behind them.
    private static let threads: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 16)
        pool.start()
        return pool
    }()

    /// All addresses of a host, without duplicates, in the order that the system prefers (RFC 6724).
    package static func addresses(of host: String, port: UInt16) async throws -> [SocketAddress] {
        try await threads.runIfActive { try lookUp(host, port) }
    }

    private static func lookUp(_ host: String, _ port: UInt16) throws -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else {
            throw Failure(host: host, reason: gai_strerror(code).map { String(cString: $0) } ?? "error \(code)")
        }
        // The list belongs to us until it is freed here.
        defer { freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var entry = list
        while let info = entry?.pointee {
            // From the system: `ai_addr` points to an address of the family in `ai_family`.
            if let address = info.ai_addr {
                switch info.ai_family {
                case AF_INET:
                    let v4 = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { SocketAddress($0.pointee) }
                    if !found.contains(v4) { found.append(v4) }
                case AF_INET6:
                    let v6 = address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { SocketAddress($0.pointee) }
                    if !found.contains(v6) { found.append(v6) }
                default: break
                }
            }
            entry = info.ai_next
        }
        return found
    }
}

import Glibc

/// Ports for servers that cannot be told to take any.
enum FreePort {
    struct NoneFree: Error {}

    /// The first of `count` loopback ports in a row that were free a moment ago, as were those 10,000 above them.
    static func findRow(of count: UInt16) throws -> UInt16 {
        for _ in 0..<1_000 {
            let first = UInt16.random(in: 11_000...20_000)
            if (first..<first + count).allSatisfy({ isFree($0) && isFree($0 + 10_000) }) { return first }
        }
        throw NoneFree()
    }

    /// Runs `body` with a port that is taken, so that no one else gets it, and refuses connections.
    static func withClosed<Result>(
        isolation: isolated (any Actor)? = #isolation, _ body: (UInt16) async throws -> Result
    ) async throws -> Result {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw NoneFree() }
        return try await body(UInt16(bigEndian: address.sin_port))
    }

    private static func isFree(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port: port)
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 }
        }
    }

    /// Whether someone accepts connections at a port before so many seconds have passed.
    static func isAnswering(_ port: UInt16, within seconds: Double) async -> Bool {
        for _ in 0..<max(1, Int(seconds * 50)) {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = loopback(port: port)
            let length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isOpen = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, length) == 0 }
            }
            if isOpen { return true }
            try? await Task.sleep(for: .milliseconds(20))
        }
        return false
    }

    private static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = port.bigEndian
        return address
    }
}

import Foundation

/// Ports for programs that cannot be told to take any.
package enum FreePort {
    package struct NoneFree: Error {}

    /// A loopback port that was free a moment ago.
    package static func find() throws -> UInt16 {
        let descriptor = Loopback.socket()
        defer { close(descriptor) }
        guard Loopback.bind(descriptor, port: 0) else { throw NoneFree() }
        return Loopback.port(of: descriptor)
    }

    /// The first of `count` loopback ports in a row that were free a moment ago, as were those 10,000 above them.
    package static func findRow(of count: UInt16) throws -> UInt16 {
        for _ in 0..<1_000 {
            let first = UInt16.random(in: 11_000...20_000)
            if (first..<first + count).allSatisfy({ isFree($0) && isFree($0 + 10_000) }) { return first }
        }
        throw NoneFree()
    }

    /// Runs `body` with a port that is taken, so that no one else gets it, and refuses connections.
    package static func withClosed<Result>(
        isolation: isolated (any Actor)? = #isolation, _ body: (UInt16) async throws -> Result
    ) async throws -> Result {
        let descriptor = Loopback.socket()
        defer { close(descriptor) }
        guard Loopback.bind(descriptor, port: 0) else { throw NoneFree() }
        return try await body(Loopback.port(of: descriptor))
    }

    /// Whether a program accepts connections at a port before so many seconds have passed.
    package static func isAnswering(_ port: UInt16, within seconds: Double) async -> Bool {
        let isAnswering = try? await eventually(seconds: seconds) {
            guard let descriptor = try? Loopback.connect(to: port) else { return false }
            close(descriptor)
            return true
        }
        return isAnswering ?? false
    }

    private static func isFree(_ port: UInt16) -> Bool {
        let descriptor = Loopback.socket()
        defer { close(descriptor) }
        return Loopback.bind(descriptor, port: port)
    }
}

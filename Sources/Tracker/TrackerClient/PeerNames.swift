import Address
import NIOCore
import Tracking

/// Resolves the host names that trackers send instead of peer addresses.
///
/// A tracker chooses the names and may run their name server, which may respond arbitrarily slowly, and a query of the
/// system's resolver cannot be cancelled. So the whole process resolves one name at a time, outside Swift's cooperative
/// threads, and callers wait for a bounded time.
actor PeerNames {
    typealias Resolver = @Sendable (_ host: String, _ port: UInt16) async throws -> [SocketAddress]

    private let resolver: Resolver
    private var isBusy = false

    /// Maximum number of addresses of one name.
    private static let addresses = 4

    init(resolver: @escaping Resolver) { self.resolver = resolver }

    /// Addresses of these peers that are resolved in time. Empty while the names of another response are being
    /// resolved.
    /// - Parameter seconds: maximum time to wait.
    func addresses(of names: [NamedPeer], within seconds: Double) async -> [PeerAddress] {
        guard !isBusy, !names.isEmpty else { return [] }
        isBusy = true
        let (found, finding) = AsyncStream<[PeerAddress]>.makeStream()
        let (resolver, me) = (resolver, self)
        let work = Task {
            for name in names {
                guard !Task.isCancelled else { break }
                let addresses = (try? await resolver(name.host, name.port)) ?? []
                finding.yield(addresses.prefix(PeerNames.addresses).compactMap { PeerAddress($0, port: name.port) })
            }
            finding.finish()
            await me.isDone()
        }
        let timer = Task {
            try? await Task.sleep(for: .seconds(seconds))
            finding.finish()
        }
        var addresses: [PeerAddress] = []
        for await some in found { addresses += some }
        work.cancel()
        timer.cancel()
        return addresses
    }

    private func isDone() { isBusy = false }
}

extension PeerAddress {
    init?(_ address: SocketAddress, port: UInt16) {
        guard let host = address.ipAddress else { return nil }
        self.init(host: host, port: port)
    }
}

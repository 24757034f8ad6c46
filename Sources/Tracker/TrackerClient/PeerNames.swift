import Address
import NIOCore
import Tracking

/// Resolves the names that trackers give in place of peers' addresses.
///
/// A tracker chooses the names and may run the name server that is asked for them, which may be as slow as it likes, and
/// a query of the system's resolver can be neither cancelled nor hurried. So one name is asked for at a time in the whole
/// process, away from the threads of Swift's concurrency, and whoever waits for the answers waits a bounded time.
actor PeerNames {
    typealias Resolver = @Sendable (_ host: String, _ port: UInt16) async throws -> [SocketAddress]

    private let resolver: Resolver
    private var isBusy = false

    /// Most addresses of one name.
    private static let addresses = 4

    init(resolver: @escaping Resolver) { self.resolver = resolver }

    /// Addresses of these peers, as far as they are known in time. None when names of another answer are being resolved.
    /// - Parameter seconds: longest to wait.
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

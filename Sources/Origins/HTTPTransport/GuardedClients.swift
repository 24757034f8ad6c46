import AsyncHTTPClient
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A connection came about with an address that was not expected. Nothing was sent over it.
struct UnexpectedAddress: Error {}

/// HTTP clients, one for each set of addresses that connections may be to: the address that was connected to is judged
/// before a request goes out over it, whatever the name meant a moment before. A client shares its connections only with
/// requests that may go to the same addresses.
final class GuardedClients: Sendable {
    private let settings: HTTPTransportSettings
    /// Nil after `shutdown`.
    private let clients = Mutex<[ReachSet: HTTPClient]?>([:])

    init(settings: HTTPTransportSettings) { self.settings = settings }

    /// Whoever forgot to shut it down: the library ends the program when a client goes that was not shut down.
    deinit {
        for client in clients.withLock({ $0 ?? [:] }).values { Task { try? await client.shutdown() } }
    }

    /// - Throws: `.cancelled` after `shutdown`.
    func client(for reaches: ReachSet) throws(HTTPTransportError) -> HTTPClient {
        let client = clients.withLock { clients in
            if clients == nil { return HTTPClient?.none }
            if let known = clients?[reaches] { return known }
            let new = make(reaches)
            clients?[reaches] = new
            return new
        }
        guard let client else { throw .cancelled }
        return client
    }

    func shutdown() async {
        let all = clients.withLock { clients in
            defer { clients = nil }
            return clients ?? [:]
        }
        for client in all.values { try? await client.shutdown() }
    }

    private func make(_ reaches: ReachSet) -> HTTPClient {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(
                connect: .after(settings.connectTimeout), read: .after(settings.readTimeout),
                write: .after(settings.writeTimeout)),
            decompression: .disabled)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.idleTimeout = .seconds(30)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = settings.connectionsPerHost
        // A failure is the caller's to act on at once (another tracker, another source), not to be retried in here.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.localAddress = settings.localAddress
        let reading = AdaptiveRecvByteBufferAllocator(
            minimum: 1024, initial: 16 * 1024, maximum: max(16 * 1024, settings.largestRead))
        let reach = settings.reach
        // The library's hook for a new connection: it carries no request before this has succeeded.
        configuration.http1_1ConnectionDebugInitializer = { channel in
            if reaches != .all {
                guard let address = channel.remoteAddress else {
                    return channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
                }
                guard reaches.contains(ReachSet(reach(address))) else {
                    // The library hears of the failure first: it knows a connection no more that closes before.
                    channel.eventLoop.execute { channel.close(promise: nil) }
                    return channel.eventLoop.makeFailedFuture(UnexpectedAddress())
                }
            }
            return channel.setOption(.recvAllocator, value: reading)
        }
        configuration.dnsOverride = settings.connectOverride
        if let file = settings.trustedAuthorities {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .file(file)
            configuration.tlsConfiguration = tls
        }
        return HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
    }
}

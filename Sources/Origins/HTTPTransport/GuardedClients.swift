import AsyncHTTPClient
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A connection reached an address that is not allowed. Nothing was sent over it.
struct UnexpectedAddress: Error {}

/// HTTP clients, one for each set of allowed addresses. The address of a new connection is checked before a request is
/// sent over it, whatever the name resolved to before. A client shares its connections only with requests that may use
/// the same addresses.
final class GuardedClients: Sendable {
    private let settings: HTTPTransportSettings
    /// Nil after `shutdown`.
    private let clients = Mutex<[ReachSet: HTTPClient]?>([:])

    init(settings: HTTPTransportSettings) { self.settings = settings }

    /// For an owner that did not call `shutdown`: the library traps if a client is released without it.
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
        // The caller handles failures at once (another tracker, another source), so the library must not retry.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.localAddress = settings.localAddress
        let reading = AdaptiveRecvByteBufferAllocator(
            minimum: 1024, initial: 16 * 1024, maximum: max(16 * 1024, settings.largestRead))
        let (reach, pin) = (settings.reach, settings.pin)
        // The library's hook for new connections. No request is sent before this has succeeded.
        configuration.http1_1ConnectionDebugInitializer = { channel in
            if reaches != .all {
                guard let address = channel.remoteAddress else {
                    return channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
                }
                guard reaches.contains(ReachSet(reach(address))) else {
                    // In a later tick, so that the library hears of the failure first: it no longer knows a connection
                    // that closed earlier.
                    channel.eventLoop.execute { channel.close(promise: nil) }
                    return channel.eventLoop.makeFailedFuture(UnexpectedAddress())
                }
            }
            guard let pin else { return channel.setOption(.recvAllocator, value: reading) }
            return pin.check(channel).flatMap { channel.setOption(.recvAllocator, value: reading) }
        }
        configuration.dnsOverride = settings.connectOverride
        if let file = settings.trustedAuthorities {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .file(file)
            configuration.tlsConfiguration = tls
        }
        if let file = settings.furtherAuthorities {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.additionalTrustRoots = [.file(file)]
            configuration.tlsConfiguration = tls
        }
        if let tls = settings.tls { configuration.tlsConfiguration = tls.configuration }
        if pin != nil {
            var tls = settings.tls?.configuration ?? TLSConfiguration.makeClientConfiguration()
            // The pin is checked instead, before the first request of each connection.
            tls.certificateVerification = .none
            configuration.tlsConfiguration = tls
        }
        return HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
    }
}

import Address
import Admission
import Glibc
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Why a server could not start.
public struct HTTPServiceError: Error, Sendable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// The configuration asks for something that is not allowed.
        case configuration
        case addressInUse
        case permissionDenied
        case addressNotAvailable
        case system
    }

    public let kind: Kind
    public let description: String

    public init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    init(_ error: any Error, listening address: ListenAddress) {
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE: self.init(.addressInUse, "\(address) is in use by another program")
        case EACCES: self.init(.permissionDenied, "\(address) cannot be listened on: permission denied")
        case EADDRNOTAVAIL: self.init(.addressNotAvailable, "\(address) is not an address of this machine")
        default: self.init(.system, "\(address) cannot be listened on: \(error)")
        }
    }
}

/// One HTTP server: started, asked where it listens, stopped.
public final class HTTPService: Sendable {
    /// Where it listens, with the port the system chose if it was asked to.
    public let address: ListenAddress
    private let running: Task<Void, any Error>
    /// The listening socket.
    package let channel: any Channel

    /// Returns when connections are accepted.
    /// - Parameters:
    ///   - door: what its connections and requests count against.
    ///   - certificates: for TLS; nil for plain HTTP.
    public static func start(
        _ responder: some HTTPResponder<ServiceContext>, at address: ListenAddress, admission: Admission, door: Door,
        limits: HTTPLimits, certificates: Certificates? = nil, logger: Logger
    ) async throws(HTTPServiceError) -> HTTPService {
        let started = OneTime<any Channel>()
        var channel = HTTP1Channel.Configuration(
            additionalChannelHandlers: [
                GateInstaller {
                    ConnectionGate(admission: admission, door: door, headTime: limits.headTime / .seconds(1))
                }, IdleStateHandler(allTimeout: TimeAmount(limits.stall)), StallHandler(),
            ], idleTimeout: TimeAmount(limits.keepAlive))
        channel.httpDecoder.maxHeaderFieldSize = limits.headerBytes
        channel.httpDecoder.maxHeaderListSize = limits.headerBytes
        channel.httpDecoder.maxHeaderFieldCount = 100
        // The library's own lines name what goes wrong on single connections; nobody but a developer wants them.
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .error)
        if logger.logLevel <= .debug { quiet.logLevel = .debug }
        let application = Application(
            responder: responder, server: Self.server(channel, certificates),
            configuration: .init(address: .hostname(address.host, port: address.port), serverName: nil),
            onServerRunning: { channel in
                // First, before the handler that would end the server for an error.
                try? await channel.eventLoop.submit {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptGuard(admission: admission, door: door), position: .first)
                }.get()
                started.set(channel)
            }, logger: quiet)
        let running = Task {
            do {
                try await application.run()
            } catch {
                started.fail(error)
                throw error
            }
        }
        do {
            let channel = try await started.value()
            let place = ListenAddress(host: address.host, port: channel.localAddress?.port ?? 0)
            return HTTPService(address: place, running: running, channel: channel)
        } catch {
            throw HTTPServiceError(error, listening: address)
        }
    }

    private static func server(
        _ configuration: HTTP1Channel.Configuration, _ certificates: Certificates?
    ) -> HTTPServerBuilder {
        guard let certificates else { return .http1(configuration: configuration) }
        return HTTPServerBuilder { responder in
            SecureChannel(base: HTTP1Channel(responder: responder, configuration: configuration), certificates: certificates)
        }
    }

    private init(address: ListenAddress, running: Task<Void, any Error>, channel: any Channel) {
        self.address = address
        self.running = running
        self.channel = channel
    }

    /// Takes no more connections, lets answers under way end as far as they do not wait, and closes everything.
    public func stop() async {
        running.cancel()
        _ = await running.result
    }
}

/// A connection with TLS in front of HTTP, by the certificates that are in force when it is made.
private struct SecureChannel: ServerChildChannel {
    let base: HTTP1Channel
    let certificates: Certificates

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: certificates.current))
        }.flatMap { base.setup(channel: channel, logger: logger) }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}

/// Closes a connection on which nothing moves, in either direction: a client that asks and never reads.
private final class StallHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }
}

/// A value that comes once and is waited for once.
private final class OneTime<Value: Sendable>: Sendable {
    private let stream: AsyncThrowingStream<Value, any Error>
    private let feed: AsyncThrowingStream<Value, any Error>.Continuation

    init() { (stream, feed) = AsyncThrowingStream.makeStream(of: Value.self) }

    func set(_ value: Value) {
        feed.yield(value)
        feed.finish()
    }

    func fail(_ error: any Error) { feed.finish(throwing: error) }

    func value() async throws -> Value {
        for try await value in stream { return value }
        throw CancellationError()
    }
}

extension TimeAmount {
    init(_ duration: Duration) {
        self = .nanoseconds(Int64(clamping: Int64(clamping: duration.components.seconds) &* 1_000_000_000))
    }
}

import Admission
import Delivery
import Glibc
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// Why a server of a node could not start.
public struct NodeAPIError: Error, Sendable, CustomStringConvertible {
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

    init(_ kind: Kind, _ description: String) {
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
final class HTTPService: Sendable {
    /// Where it listens, with the port the system chose if it was asked to.
    let address: ListenAddress
    private let running: Task<Void, any Error>
    /// The listening socket.
    let channel: any Channel

    /// - Parameter door: what its connections and requests count against.
    ///
    /// Returns when connections are accepted.
    static func start(
        _ responder: some HTTPResponder<BasicRequestContext>, at address: ListenAddress, admission: Admission,
        door: Door,
        limits: NodeAPILimits, logger: Logger
    ) async throws(NodeAPIError) -> HTTPService {
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
            responder: responder, server: .http1(configuration: channel),
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
            throw NodeAPIError(error, listening: address)
        }
    }

    private init(address: ListenAddress, running: Task<Void, any Error>, channel: any Channel) {
        self.address = address
        self.running = running
        self.channel = channel
    }

    /// Takes no more connections, lets answers under way end as far as they do not wait, and closes everything.
    func stop() async {
        running.cancel()
        _ = await running.result
    }
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

import Glibc
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import Synchronization
import Text
import Threads

/// The connections of one server: those in the lobby, and those whose requests are answered.
final class Connections: Sendable {
    private typealias Value = HTTP1Channel.Value

    /// What the first bytes of a connection must be.
    let first: FirstBytes
    private let base: HTTP1Channel
    private let limits: HTTPLimits
    private let certificates: Certificates?
    private let logger: Logger
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])
    private let ready: AsyncStream<Value>.Continuation
    private let answering: Task<Void, Never>

    init(
        responder: some HTTPResponder<ServiceContext>, limits: HTTPLimits, certificates: Certificates?, logger: Logger
    ) {
        var configuration = HTTP1Channel.Configuration(idleTimeout: TimeAmount(limits.keepAlive))
        configuration.httpDecoder.maxHeaderFieldSize = limits.headerBytes
        configuration.httpDecoder.maxHeaderListSize = limits.headerBytes
        configuration.httpDecoder.maxHeaderFieldCount = 100
        let isPlain = certificates == nil
        let base = HTTP1Channel(
            responder: Self.answer(with: responder, isPlain: isPlain, logger: logger), configuration: configuration)
        first = FirstBytes(certificates == nil ? .head : .tlsRecord, limit: limits.headerBytes)
        self.base = base
        self.limits = limits
        self.certificates = certificates
        self.logger = logger
        let (stream, ready) = AsyncStream.makeStream(of: Value.self)
        self.ready = ready
        answering = Task {
            await withDiscardingTaskGroup { group in
                for await value in stream {
                    group.addTask { await base.handle(value: value, logger: logger) }
                }
            }
        }
    }

    /// Call when a connection was accepted.
    func came(_ channel: any Channel) {
        let name = ObjectIdentifier(channel)
        channels.withLock { $0[name] = channel }
        channel.closeFuture.whenComplete { [weak self] _ in self?.channels.withLock { $0[name] = nil } }
    }

    /// Adds the protocol's handlers to a connection that leaves the lobby. Call on the connection's event loop.
    func open(_ channel: any Channel, _ guest: Lobby.Guest) {
        do {
            let pipeline = channel.pipeline.syncOperations
            if let certificates { try pipeline.addHandler(certificates.handler()) }
            base.setup(channel: channel, logger: logger).assumeIsolated().whenComplete { result in
                do {
                    let value = try result.get()
                    // The gate goes directly behind the HTTP decoder. The idle handler is in front of the gate, so that
                    // it sees the writes of files.
                    let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
                    try pipeline.addHandlers(
                        IdleStateHandler(allTimeout: TimeAmount(self.limits.stall)), StallHandler(),
                        ConnectionGate(guest), position: .after(decoder))
                    if case .terminated = self.ready.yield(value) { channel.close(promise: nil) }
                } catch {
                    channel.close(promise: nil)
                }
            }
        } catch {
            channel.close(promise: nil)
        }
    }

    /// Ends responses and closes connections.
    func stop() {
        ready.finish()
        answering.cancel()
        for channel in channels.withLock({ Array($0.values) }) {
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
    }

    /// Returns when the last response has ended.
    func end() async { await answering.value }

    private static func answer(
        with responder: some HTTPResponder<ServiceContext>, isPlain: Bool, logger: Logger
    ) -> HTTPChannelHandler.Responder {
        { request, writer, channel in
            var context = ServiceContext(source: .init(channel: channel, logger: logger))
            context.isPlain = isPlain
            var response: Response
            do {
                response = try await responder.respond(to: request, context: context)
            } catch let error as HTTPParserError {
                // The connection's own handlers answer this error.
                throw error
            } catch {
                logger.debug("a request failed", metadata: ["error": "\(error)"])
                response = Response(status: .internalServerError)
            }
            response.headers[.date] = HTTPDate.text(seconds: Clocks.wallWholeSeconds)
            do {
                try await writer.write(response: response.head, body: response.body)
            } catch is HTTPParserError {
                // The response has begun, so no other can be sent.
                throw AnswerCutOff()
            }
        }
    }

    private struct AnswerCutOff: Error {}
}

/// Closes a connection without traffic in either direction, such as that of a client that sends a request and never
/// reads.
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

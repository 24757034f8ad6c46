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
    /// What the first bytes of a connection must be.
    let first: FirstBytes
    private let base: HTTP1Channel
    private let limits: HTTPLimits
    private let certificates: Certificates?
    /// Nil for plain HTTP.
    let handshakes: Handshakes?
    private let logger: Logger
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])
    private let answering = AnsweringTasks()

    init(
        responder: some HTTPResponder<ServiceContext>, limits: HTTPLimits, certificates: Certificates?, logger: Logger
    ) {
        var configuration = HTTP1Channel.Configuration(idleTimeout: TimeAmount(limits.keepAlive))
        configuration.httpDecoder.maxHeaderFieldSize = limits.headerBytes
        configuration.httpDecoder.maxHeaderListSize = limits.headerBytes
        configuration.httpDecoder.maxHeaderFieldCount = 100
        let isPlain = certificates == nil
        let base = HTTP1Channel(
            responder: Self.answer(with: responder, isPlain: isPlain, limits: limits, logger: logger),
            configuration: configuration)
        first = FirstBytes(certificates == nil ? .head : .tlsRecord, limit: limits.headerBytes)
        self.base = base
        self.limits = limits
        self.certificates = certificates
        handshakes = certificates == nil ? nil : Handshakes()
        self.logger = logger
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
            if let handshakes, let turn = guest.turn { try pipeline.addHandler(HandshakeEnd(handshakes, turn)) }
            base.setup(channel: channel, logger: logger).assumeIsolated().whenComplete { result in
                do {
                    let value = try result.get()
                    // The gate goes directly behind the HTTP decoder. The idle handler is in front of the gate, so that
                    // it sees the writes of files. The stall handler is behind it, so that refused requests do not count.
                    let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
                    try pipeline.addHandlers(
                        IdleStateHandler(allTimeout: TimeAmount(self.limits.stall)),
                        ConnectionGate(guest.ticket, guest.clock), StallHandler(), position: .after(decoder))
                    // Behind all others: they learn of the end of a large answer when it has been sent.
                    let state = try pipeline.handler(type: HTTPConnectionStateHandler.self)
                    try pipeline.addHandler(LargeAnswers(guest.ticket), position: .after(state))
                    let (base, logger) = (self.base, self.logger)
                    let isAnswered = self.answering.run { await base.handle(value: value, logger: logger) }
                    if !isAnswered { channel.close(promise: nil) }
                } catch {
                    channel.close(promise: nil)
                }
            }
        } catch {
            channel.close(promise: nil)
        }
    }

    /// Ends responses and closes connections. Large answers have a moment to be read.
    func stop() {
        answering.stop()
        for channel in channels.withLock({ Array($0.values) }) {
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
    }

    /// Returns when the last response has ended.
    func end() async { await answering.end() }

    private static func answer(
        with responder: some HTTPResponder<ServiceContext>, isPlain: Bool, limits: HTTPLimits, logger: Logger
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
            if let length = response.body.contentLength, length > LargeAnswers.large {
                try await sent(on: channel, stopTime: TimeAmount(limits.stopTime))
            }
        }
    }

    /// Waits until a large answer has been sent: the library closes a connection at once that waits for a request when the server
    /// stops.
    /// - Parameter stopTime: what the client then has to read the rest.
    private static func sent(on channel: any Channel, stopTime: TimeAmount) async throws {
        let sent = channel.eventLoop.makePromise(of: Void.self)
        channel.triggerUserOutboundEvent(LargeAnswers.Sent(), promise: sent)
        try await withTaskCancellationHandler {
            try await sent.futureResult.get()
        } onCancel: {
            channel.eventLoop.scheduleTask(in: stopTime) { channel.close(promise: nil) }
        }
    }

    private struct AnswerCutOff: Error {}
}

/// Closes a connection without traffic in either direction, such as that of a client that sends a request and never
/// reads. But an answer may take long to make, so nothing is closed between the last byte of a request and the first byte
/// of its response.
private final class StallHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Whole requests that have arrived, less responses that have begun. A response may begin before its request has
    /// arrived.
    private var unanswered = 0
    /// Whether the head of a response has been written, and its end has not.
    private var isAnswering = false
    /// Whether no further request of this connection is answered.
    private var isOver = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .end = unwrapInboundIn(data) { unanswered += 1 }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head):
            if head.status.code >= 200 {
                unanswered -= 1
                isAnswering = true
            }
        case .body: break
        case .end: isAnswering = false
        }
        context.write(data, promise: promise)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode != .input { isOver = true }
        context.close(mode: mode, promise: promise)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is IdleStateHandler.IdleStateEvent else { return context.fireUserInboundEventTriggered(event) }
        // An answer cannot be written while the client leaves earlier answers unread.
        let isBeingMade = unanswered > 0 && !isAnswering && !isOver && context.channel.isWritable
        if !isBeingMade { context.close(promise: nil) }
    }
}

import HTTPTransport
import Identity
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization
import Text
import Threads

/// A connection to a control server, directly or through an HTTP proxy. TLS 1.3; the server's certificate is checked
/// before any request is sent.
final class LinkConnection: Sendable {
    let channel: any Channel
    let control: ControlAddress
    /// The authority that issued the server's certificate.
    let authority: TrustedAuthority

    private init(_ channel: any Channel, _ control: ControlAddress, _ authority: TrustedAuthority) {
        self.channel = channel
        self.control = control
        self.authority = authority
    }

    /// - Parameters:
    ///   - patience: maximum seconds until the end of the handshake.
    ///   - now: seconds since 1970, by this host's clock.
    static func open(
        to control: ControlAddress, proxy: HTTPURL?, context: NIOSSLContext, trust: ServerTrust, now: Double,
        patience: Double
    ) async throws(LinkProblem) -> LinkConnection {
        let box = Verdict()
        do {
            let channel = try await connect(to: control, proxy: proxy, patience: patience)
            let timer = channel.eventLoop.scheduleTask(in: .after(patience)) {
                box.set(.failure(.timedOut(control.host)))
                channel.close(promise: nil)
            }
            defer { timer.cancel() }
            do {
                try await withTaskCancellationHandler {
                    try await secure(channel, control, context: context, trust: trust, now: now, box)
                } onCancel: {
                    channel.close(promise: nil)
                }
            } catch {
                channel.close(promise: nil)
                throw error
            }
            guard case .success(let authority) = box.value else {
                throw LinkProblem.notTrusted(control.host, reason: "it shows no certificate")
            }
            return LinkConnection(channel, control, authority)
        } catch {
            if Task.isCancelled { throw .cancelled }
            if case .failure(let problem) = box.value { throw problem }
            throw LinkProblem(error, host: control.host)
        }
    }

    /// The first result of the server check. It may be set on any thread.
    private final class Verdict: Sendable {
        private let verdict = Mutex<Result<TrustedAuthority, LinkProblem>?>(nil)

        func set(_ result: Result<TrustedAuthority, LinkProblem>) { verdict.withLock { $0 = $0 ?? result } }
        var value: Result<TrustedAuthority, LinkProblem>? { verdict.withLock { $0 } }
    }

    private static func connect(
        to control: ControlAddress, proxy: HTTPURL?, patience: Double
    ) async throws -> any Channel {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.after(patience))
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelOption(.autoRead, value: true)
        guard let proxy else { return try await bootstrap.connect(host: control.host, port: Int(control.port)).get() }
        let channel = try await bootstrap.connect(host: proxy.host, port: Int(proxy.port)).get()
        let opened = channel.eventLoop.makePromise(of: Void.self)
        let timer = channel.eventLoop.scheduleTask(in: .after(patience)) {
            opened.fail(LinkProblem.timedOut("the proxy"))
        }
        defer { timer.cancel() }
        do {
            try await channel.eventLoop.submit {
                try channel.pipeline.syncOperations.addHandler(ProxyConnect(to: control.authority, opened: opened))
            }.get()
            try await opened.futureResult.get()
        } catch {
            opened.fail(error)
            channel.close(promise: nil)
            throw error
        }
        return channel
    }

    /// Adds the handlers for TLS and HTTP, and waits until the server has been checked.
    private static func secure(
        _ channel: any Channel, _ control: ControlAddress, context: NIOSSLContext, trust: ServerTrust, now: Double,
        _ box: Verdict
    ) async throws {
        let ready = channel.eventLoop.makePromise(of: Void.self)
        try await channel.eventLoop.submit {
            let name = ServerName.addressBytes(control.host) == nil ? control.host : nil
            let tls = try NIOSSLClientHandler(context: context, serverHostname: name) { chain, verdict in
                do {
                    let authority = try trust.check(
                        chain.map { try $0.toDERBytes() }, named: control.host, at: now)
                    box.set(.success(authority))
                    verdict.succeed(.certificateVerified)
                } catch {
                    box.set(.failure(.notTrusted(control.host, reason: "\(error)")))
                    verdict.succeed(.failed)
                }
            }
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(tls)
            try pipeline.addHandler(HandshakeWatch(host: control.host, ready: ready))
            try pipeline.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes)
            try pipeline.addHandler(LinkExchanges(host: control.host, userAgent: Product.userAgent))
        }.flatMapErrorThrowing { error in
            ready.fail(error)
            throw error
        }.get()
        try await ready.futureResult.get()
    }

    var isOpen: Bool { channel.isActive }

    func close() { channel.close(promise: nil) }

    /// Sends a call and waits for its answer. Afterwards the connection can be used for another call, unless this
    /// throws.
    func send(_ call: LinkCall) async throws(LinkProblem) -> LinkAnswer {
        let (channel, host) = (channel, control.host)
        let answer = channel.eventLoop.makePromise(of: LinkAnswer.self)
        let timer = channel.eventLoop.scheduleTask(in: .after(call.patience)) {
            answer.fail(LinkProblem.timedOut(host))
            channel.close(promise: nil)
        }
        defer { timer.cancel() }
        channel.writeAndFlush(LinkExchange(call: call, authority: control.authority, answer: answer))
            .cascadeFailure(to: answer)
        do {
            return try await withTaskCancellationHandler {
                try await answer.futureResult.get()
            } onCancel: {
                answer.fail(LinkProblem.cancelled)
                channel.close(promise: nil)
            }
        } catch {
            channel.close(promise: nil)
            if Task.isCancelled { throw .cancelled }
            throw LinkProblem(error, host: host)
        }
    }
}

/// Reports the end of the TLS handshake.
private final class HandshakeWatch: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let host: String
    private let ready: EventLoopPromise<Void>

    init(host: String, ready: EventLoopPromise<Void>) {
        self.host = host
        self.ready = ready
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted = event { ready.succeed() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        ready.fail(LinkProblem(error, host: host))
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        ready.fail(LinkProblem.broken(host, reason: "it was closed"))
        context.fireChannelInactive()
    }
}

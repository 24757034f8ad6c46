import NIOCore

/// Asks an HTTP proxy for a tunnel to a host (CONNECT, RFC 9110, section 9.3.6). Removes itself when the tunnel is
/// open.
final class ProxyConnect: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Maximum bytes of the head of the proxy's answer.
    private static let most = 16 << 10

    private let authority: String
    private let opened: EventLoopPromise<Void>
    private var answer = ByteBuffer()
    private var isOver = false

    /// - Parameters:
    ///   - authority: `HOST:PORT` of the server.
    ///   - opened: succeeds when the tunnel is open.
    init(to authority: String, opened: EventLoopPromise<Void>) {
        self.authority = authority
        self.opened = opened
    }

    func channelActive(context: ChannelHandlerContext) {
        ask(context)
        context.fireChannelActive()
    }

    func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { ask(context) } }

    private func ask(_ context: ChannelHandlerContext) {
        let text = "CONNECT \(authority) HTTP/1.1\r\nHost: \(authority)\r\n\r\n"
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return context.fireChannelRead(data) }
        answer.writeImmutableBuffer(unwrapInboundIn(data))
        let text = String(decoding: answer.readableBytesView, as: UTF8.self)
        guard text.contains("\r\n\r\n") else {
            if answer.readableBytes > Self.most { end(.malformed("the proxy", reason: "its answer has no end")) }
            return
        }
        // A TLS server sends nothing before the client does, so no bytes follow the head.
        let status = text.split(separator: " ", maxSplits: 2).dropFirst().first.flatMap { Int($0) }
        guard let status, (200..<300).contains(status) else {
            let line = text.prefix { $0 != "\r\n" && $0 != "\r" }.prefix(100)
            end(.unreachable(authority, reason: "the proxy answers '\(line)'"))
            return context.close(promise: nil)
        }
        isOver = true
        context.pipeline.syncOperations.removeHandler(context: context).whenComplete { [opened] _ in opened.succeed() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(.broken("the proxy", reason: "it was closed"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(LinkProblem(error, host: "the proxy"))
        context.close(promise: nil)
    }

    private func end(_ problem: LinkProblem) {
        guard !isOver else { return }
        isOver = true
        opened.fail(problem)
    }
}

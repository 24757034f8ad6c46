import NIOCore
import NIOHTTP1

/// One HTTP request to a control server.
struct LinkCall: Sendable {
    let method: HTTPMethod
    /// Path and query.
    let path: String
    var body: [UInt8]?
    /// Maximum length of the answer's body, in bytes.
    var most = 1 << 20
    /// Maximum seconds until the answer is complete.
    var patience = 30.0
    /// Whether the request is idempotent. If so, it is sent again when an idle connection turns out to be closed.
    var canBeRepeated = true
}

struct LinkAnswer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: [UInt8]
}

/// A request and the promise for its answer.
struct LinkExchange: Sendable {
    let call: LinkCall
    /// The value of the `Host` header.
    let authority: String
    let answer: EventLoopPromise<LinkAnswer>
}

/// Sends one request at a time over a connection, and assembles its answer.
final class LinkExchanges: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = LinkExchange
    typealias OutboundOut = HTTPClientRequestPart

    private struct Open {
        let exchange: LinkExchange
        var head: HTTPResponseHead?
        var body: [UInt8] = []
    }

    private let host: String
    private let userAgent: String
    private var open: Open?
    private var failure: LinkProblem?

    init(host: String, userAgent: String) {
        self.host = host
        self.userAgent = userAgent
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let exchange = unwrapOutboundIn(data)
        guard open == nil, failure == nil else {
            exchange.answer.fail(failure ?? LinkProblem.broken(host, reason: "it is in use"))
            promise?.fail(ChannelError.inappropriateOperationForState)
            return
        }
        open = Open(exchange: exchange)
        var headers = HTTPHeaders([("host", exchange.authority), ("user-agent", userAgent)])
        let call = exchange.call
        if let body = call.body {
            headers.add(name: "content-length", value: "\(body.count)")
            headers.add(
                name: "content-type",
                value: call.path.hasSuffix("/metainfo") ? "application/x-bittorrent" : "application/json")
        } else if call.method != .GET {
            headers.add(name: "content-length", value: "0")
        }
        context.write(
            wrapOutboundOut(
                .head(HTTPRequestHead(version: .http1_1, method: call.method, uri: call.path, headers: headers))),
            promise: nil)
        if let body = call.body {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        }
        context.write(wrapOutboundOut(.end(nil)), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard open != nil else {
            // An answer without a request.
            return context.close(promise: nil)
        }
        switch unwrapInboundIn(data) {
        case .head(let head):
            if head.status.code >= 200 { open?.head = head }
        case .body(let part):
            let most = open?.exchange.call.most ?? 0
            guard (open?.body.count ?? 0) + part.readableBytes <= most else {
                fail(.malformed(host, reason: "its answer is longer than \(most) bytes"))
                return context.close(promise: nil)
            }
            open?.body.append(contentsOf: part.readableBytesView)
        case .end:
            guard let done = open, let head = done.head else { return }
            open = nil
            done.exchange.answer.succeed(
                LinkAnswer(status: Int(head.status.code), headers: head.headers, body: done.body))
            if !head.isKeepAlive { context.close(promise: nil) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(LinkProblem(error, host: host))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(.broken(host, reason: "it was closed"))
        context.fireChannelInactive()
    }

    private func fail(_ problem: LinkProblem) {
        if failure == nil { failure = problem }
        open?.exchange.answer.fail(failure ?? problem)
        open = nil
    }
}

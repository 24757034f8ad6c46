import Admission
import Glibc
import NIOCore
import NIOHTTP1
import Threads

/// A handler for a connection that has left the ``Lobby``. It closes the connection if a request does not arrive in
/// time, checks the host and target of each request, and inserts parts of files into answers.
///
/// Its place is between the HTTP decoder and the handlers of requests, on the connection's event loop.
final class ConnectionGate: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let ticket: Admission.Ticket
    private var clock: HeadClock
    private var timer: Scheduled<Void>?
    private var timerDeadline: Double?
    private var isServed = false
    /// Whether the head of an answer has been sent, and its end has not.
    private var isBodyOpen = false
    private var refusal: RequestTarget.Refusal?
    /// The head of a large answer. It is sent on with what follows it, which shows whether the answer was made whole.
    private var largeHead: (head: HTTPResponseHead, promise: EventLoopPromise<Void>?)?
    /// Whether the rest of an answer is dropped, because there was no room for it.
    private var isDropping = false

    /// Bytes above which an answer that was made whole needs room; and the bytes of it that are sent at a time.
    private static let (large, slice) = (64 << 10, 256 << 10)

    init(_ guest: Lobby.Guest) {
        ticket = guest.ticket
        clock = guest.clock
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) { arm(context) }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { leave() }

    private func leave() {
        timer?.cancel()
        timer = nil
        largeHead?.promise?.fail(ChannelError.ioOnClosedChannel)
        largeHead = nil
        ticket.release()
    }

    /// Keeps one timer for the clock's deadline.
    private func arm(_ context: ChannelHandlerContext) {
        guard clock.deadline != timerDeadline else { return }
        timer?.cancel()
        (timer, timerDeadline) = (nil, clock.deadline)
        guard let deadline = clock.deadline else { return }
        let wait = TimeAmount.nanoseconds(Int64(max(0, deadline - MonotonicTime.now) * 1e9))
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: wait) { context.close(promise: nil) }
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard refusal == nil else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            do throws(RequestTarget.Refusal) {
                let checked = try RequestTarget.checked(head)
                clock.headCame()
                arm(context)
                context.fireChannelRead(wrapInboundOut(.head(checked)))
            } catch {
                refusal = error
                // A response in progress is completed first.
                if !clock.isAnswering { refuse(context) }
            }
        case .body: context.fireChannelRead(data)
        case .end:
            clock.requestEnded()
            arm(context)
            context.fireChannelRead(data)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // A partial head is not a message yet, but the clock must know that bytes arrived.
        clock.bytesCame(now: MonotonicTime.now)
        arm(context)
        context.fireChannelReadComplete()
    }

    // MARK: Answers

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head):
            guard head.status.code >= 200 else { break }
            if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }), length > Self.large {
                largeHead = (head, promise)
                return
            }
            begin(head)
        case .body(let body):
            guard !isDropping else {
                promise?.succeed()
                return
            }
            // The data queued before it has been sent.
            if isServed, context.channel.isWritable { ticket.progressed(now: MonotonicTime.now) }
            if largeHead != nil, case .byteBuffer(let bytes) = body, bytes.readableBytes > Self.large {
                return writeWhole(bytes, context, promise)
            }
            sendHead(context)
        case .end:
            sendHead(context)
            isDropping = false
            isBodyOpen = false
            if isServed { ticket.progressed(now: MonotonicTime.now) }
            clock.answered(now: MonotonicTime.now)
            context.write(data, promise: promise)
            if refusal != nil, !clock.isAnswering { return refuse(context) }
            arm(context)
            return
        }
        context.write(data, promise: promise)
    }

    func flush(context: ChannelHandlerContext) {
        sendHead(context)
        context.flush()
    }

    private func begin(_ head: HTTPResponseHead) {
        isBodyOpen = true
        isServed = Self.isServed(head.status.code)
        if isServed { ticket.opened(now: MonotonicTime.now) }
    }

    /// Sends the head that was kept back.
    private func sendHead(_ context: ChannelHandlerContext) {
        guard let (head, promise) = largeHead else { return }
        largeHead = nil
        begin(head)
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }

    /// Sends an answer that is in memory as a whole, and stays there until the client has read it. Answers 503 instead if
    /// others that are being read take all the room.
    private func writeWhole(_ bytes: ByteBuffer, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        let count = bytes.readableBytes
        guard ticket.reserveAnswer(count, now: MonotonicTime.now) else {
            refuseLarge(context)
            promise?.succeed()
            return
        }
        sendHead(context)
        var rest = bytes
        while let part = rest.readSlice(length: min(Self.slice, rest.readableBytes)), part.readableBytes > 0 {
            let isLast = rest.readableBytes == 0
            let sent = context.eventLoop.makePromise(of: Void.self)
            sent.futureResult.whenComplete { [ticket] result in
                if case .success = result { ticket.answerProgressed(now: MonotonicTime.now) }
                if isLast { ticket.releaseAnswer(count) }
            }
            if isLast { sent.futureResult.cascade(to: promise) }
            context.write(wrapOutboundOut(.body(.byteBuffer(part))), promise: sent)
        }
    }

    private func refuseLarge(_ context: ChannelHandlerContext) {
        guard let (head, promise) = largeHead else { return }
        largeHead = nil
        isDropping = true
        let text = RequestPlace.refusalText + "\n"
        var refusal = HTTPResponseHead(version: head.version, status: .serviceUnavailable)
        refusal.headers = [
            "Content-Type": "text/plain; charset=utf-8", "Content-Length": "\(text.utf8.count)",
            "Retry-After": RequestPlace.retryAfter,
        ]
        for name in ["Date", "Connection"] {
            for value in head.headers[name] { refusal.headers.add(name: name, value: value) }
        }
        begin(refusal)
        context.write(wrapOutboundOut(.head(refusal)), promise: promise)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
    }

    /// Sends a ``FilePart`` as the next part of the answer's body. The promise succeeds when the system has accepted
    /// the last byte.
    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard let part = event as? FilePart else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        let sent = promise ?? context.eventLoop.makePromise(of: Void.self)
        sendHead(context)
        guard isBodyOpen else { return sent.fail(ChannelError.inappropriateOperationForState) }
        sent.futureResult.assumeIsolated().whenSuccess {
            if self.isServed { self.ticket.progressed(now: MonotonicTime.now) }
        }
        let data: IOData
        switch part {
        case .bytes(let bytes): data = .byteBuffer(bytes)
        case .slice(let file, let range):
            data = .fileRegion(file.region(range))
            let watch = Self.watch(file, range, context)
            sent.futureResult.whenComplete { _ in watch.cancel() }
        }
        context.writeAndFlush(wrapOutboundOut(.body(data)), promise: sent)
    }

    /// Closes the connection if the file becomes shorter: its region could never be sent completely, and NIO would try
    /// forever.
    private static func watch(
        _ file: ServedFile, _ range: Range<Int64>, _ context: ChannelHandlerContext
    ) -> RepeatedTask {
        let channel = context.channel
        return context.eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { task in
            guard let size = file.sizeNow, size < range.upperBound else { return }
            task.cancel()
            channel.close(promise: nil)
        }
    }

    /// Whether an answer with this status counts as service. The connection of a refused client stays half-open in the
    /// admission ledger.
    private static func isServed(_ status: UInt) -> Bool { ![400, 401, 403, 408, 413, 503].contains(status) }

    private func refuse(_ context: ChannelHandlerContext) {
        guard let refusal else { return }
        let text = refusal.text + "\n"
        let headers: HTTPHeaders = [
            "Content-Type": "text/plain; charset=utf-8", "Content-Length": "\(text.utf8.count)", "Connection": "close",
        ]
        let head = HTTPResponseHead(version: .http1_1, status: .badRequest, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }
}

enum MonotonicTime {
    /// Seconds of the clock that the whole process uses.
    static var now: Double { Clocks.steadySeconds }
}

extension Source {
    /// - Parameter address: the remote address of a connection; nil if the connection is already closed.
    init(_ address: SocketAddress?) {
        switch address {
        case .v4(let address): self.init(ipv4: UInt32(bigEndian: address.address.sin_addr.s_addr))
        case .v6(let address):
            self = withUnsafeBytes(of: address.address.sin6_addr) { Source(bytes: $0) } ?? Source(ipv4: 0)
        case .unixDomainSocket, nil: self.init(ipv4: 0)
        }
    }
}

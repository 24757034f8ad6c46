import Admission
import Glibc
import NIOCore
import NIOHTTP1
import Threads

/// A handler for a connection that has left the ``Lobby``. It closes the connection if a request does not arrive in
/// time, checks the host and target of each request, and inserts parts of files into answers.
///
/// A request that arrives before the answer to the one before it has been sent waits here: a client that reads nothing would
/// else have one answer in the budget and the next one, made whole too, outside of it.
///
/// Its place is between the HTTP decoder and the handlers of requests, on the connection's event loop.
package final class ConnectionGate: ChannelDuplexHandler, RemovableChannelHandler {
    package typealias InboundIn = HTTPServerRequestPart
    package typealias InboundOut = HTTPServerRequestPart
    package typealias OutboundIn = HTTPServerResponsePart
    package typealias OutboundOut = HTTPServerResponsePart

    private let ticket: Admission.Ticket
    private var clock: HeadClock
    private var timer: Scheduled<Void>?
    private var timerDeadline: Double?
    private var isServed = false
    /// Whether the head of an answer has been sent, and its end has not.
    private var isBodyOpen = false
    private var refusal: RequestTarget.Refusal?
    private var held = HeldRequests()
    /// Whether the client sent more than is held. Nothing of it is read any more.
    private var isFlooded = false
    /// Whether a read waits until nothing is held.
    private var isReadHeld = false
    private var isPassingSoon = false
    private var isOutputClosed = false

    package init(_ ticket: Admission.Ticket, _ clock: HeadClock) { (self.ticket, self.clock) = (ticket, clock) }

    // MARK: Life

    package func handlerAdded(context: ChannelHandlerContext) { arm(context) }

    package func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    package func handlerRemoved(context: ChannelHandlerContext) { leave() }

    private func leave() {
        timer?.cancel()
        timer = nil
        held.removeAll()
        isReadHeld = false
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

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard refusal == nil, !isFlooded else { return }
        let part = unwrapInboundIn(data)
        if held.isEmpty, mayPass(part, context) { return pass(part, context) }
        guard held.append(part) else {
            isFlooded = true
            held.removeAll()
            return context.close(promise: nil)
        }
    }

    /// Whether a part may be passed on now: all but the head of a request, whose time comes when the answer before it has
    /// been sent.
    private func mayPass(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) -> Bool {
        guard case .head = part, !isOutputClosed else { return true }
        return !clock.isAnswering && context.channel.isWritable
    }

    private func pass(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head(let head):
            do throws(RequestTarget.Refusal) {
                let checked = try RequestTarget.checked(head)
                clock.headCame()
                arm(context)
                context.fireChannelRead(wrapInboundOut(.head(checked)))
            } catch {
                refusal = error
                held.removeAll()
                refuse(context)
            }
        case .body: context.fireChannelRead(wrapInboundOut(part))
        case .end:
            clock.requestEnded()
            arm(context)
            context.fireChannelRead(wrapInboundOut(part))
        }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        // A partial head is not a message yet, but the clock must know that bytes arrived.
        if held.isEmpty { clock.bytesCame(now: MonotonicTime.now) }
        arm(context)
        context.fireChannelReadComplete()
    }

    /// While a request is held, no more are read.
    package func read(context: ChannelHandlerContext) {
        if held.isEmpty { context.read() } else { isReadHeld = true }
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if !held.isEmpty, case .inputClosed? = event as? ChannelEvent { return held.appendInputClosed() }
        context.fireUserInboundEventTriggered(event)
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // It is about what came last.
        if !held.isEmpty, let error = error as? HTTPParserError { return held.append(error) }
        context.fireErrorCaught(error)
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        passSoon(context)
        context.fireChannelWritabilityChanged()
    }

    /// Passes on what is held, if its time has come. Not at once: the handlers that wrote the end of the answer before it may
    /// not be done with that.
    private func passSoon(_ context: ChannelHandlerContext) {
        guard !held.isEmpty, !isPassingSoon else { return }
        isPassingSoon = true
        context.eventLoop.assumeIsolated().execute {
            self.isPassingSoon = false
            self.passHeld(context)
        }
    }

    private func passHeld(_ context: ChannelHandlerContext) {
        var hasPassed = false
        while let next = held.first {
            if case .part(let part) = next, !mayPass(part, context) { break }
            held.removeFirst()
            hasPassed = true
            switch next {
            case .part(let part): pass(part, context)
            case .inputClosed: context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            case .failure(let error): context.fireErrorCaught(error)
            }
        }
        if hasPassed { context.fireChannelReadComplete() }
        if held.isEmpty, isReadHeld {
            isReadHeld = false
            context.read()
        }
    }

    // MARK: Answers

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head):
            guard head.status.code >= 200 else { break }
            isBodyOpen = true
            isServed = Self.isServed(head.status.code)
            if isServed { ticket.opened(now: MonotonicTime.now) }
        case .body:
            // The data queued before it has been sent.
            if isServed, context.channel.isWritable { ticket.progressed(now: MonotonicTime.now) }
        case .end:
            isBodyOpen = false
            if isServed { ticket.progressed(now: MonotonicTime.now) }
            clock.answered(now: MonotonicTime.now)
            context.write(data, promise: promise)
            arm(context)
            passSoon(context)
            return
        }
        context.write(data, promise: promise)
    }

    package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output else { return context.close(mode: mode, promise: promise) }
        // No further answer is sent, so none is waited for.
        isOutputClosed = true
        context.close(mode: mode, promise: promise)
        passSoon(context)
    }

    /// Sends a ``FilePart`` as the next part of the answer's body. The promise succeeds when the system has accepted
    /// the last byte.
    package func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?)
    {
        guard let part = event as? FilePart else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        let sent = promise ?? context.eventLoop.makePromise(of: Void.self)
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

package enum MonotonicTime {
    /// Seconds of the clock that the whole process uses.
    package static var now: Double { Clocks.steadySeconds }
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

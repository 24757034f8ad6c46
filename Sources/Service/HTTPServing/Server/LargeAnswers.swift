import Admission
import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Sends answers that were made whole and are large: each needs room in a budget until its client has read it, and goes slice by
/// slice. What follows an answer, its end and a closing of the output too, waits behind its last slice.
///
/// Its place is behind all handlers that must not take an answer for sent before its last slice is: those that close idle
/// connections, and those that close after the last answer. On the connection's event loop.
package final class LargeAnswers: ChannelOutboundHandler, RemovableChannelHandler {
    package typealias OutboundIn = HTTPResponsePart
    package typealias OutboundOut = HTTPResponsePart

    /// An event whose promise succeeds when no large answer is being sent any more.
    package struct Sent: Sendable {
        package init() {}
    }

    private let ticket: Admission.Ticket
    /// The head of a large answer. It is sent on with what follows it, which shows whether the answer was made whole.
    private var head: (head: HTTPResponse, promise: EventLoopPromise<Void>?)?
    /// Whether the rest of an answer is dropped, because there was no room for it.
    private var isDropping = false
    private var sending: Sending?

    private struct Sending {
        var rest: ByteBuffer
        /// Bytes for which there is room.
        let count: Int
        let promise: EventLoopPromise<Void>?
        /// What follows the bytes.
        var later: [Later] = []
    }

    private enum Later {
        case write(NIOAny, EventLoopPromise<Void>?)
        case event(Any, EventLoopPromise<Void>?)
        case closeOutput(EventLoopPromise<Void>?)

        func fail(_ error: any Error) {
            switch self {
            case .write(_, let promise), .event(_, let promise), .closeOutput(let promise): promise?.fail(error)
            }
        }
    }

    /// Bytes above which an answer that was made whole needs room; and the bytes of it that are sent at a time.
    static let (large, slice) = (64 << 10, 256 << 10)

    package init(_ ticket: Admission.Ticket) { self.ticket = ticket }

    package func handlerRemoved(context: ChannelHandlerContext) {
        head?.promise?.fail(ChannelError.ioOnClosedChannel)
        head = nil
        fail(ChannelError.ioOnClosedChannel)
    }

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard sending == nil else {
            sending?.later.append(.write(data, promise))
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let head):
            let length = head.headerFields[.contentLength].flatMap { Int($0) } ?? 0
            if head.status.code >= 200, length > Self.large {
                self.head = (head, promise)
                return
            }
        case .body(let bytes):
            guard !isDropping else {
                promise?.succeed()
                return
            }
            if head != nil, bytes.readableBytes > Self.large { return send(bytes, context, promise) }
        case .end: isDropping = false
        }
        sendHead(context)
        context.write(data, promise: promise)
    }

    package func flush(context: ChannelHandlerContext) {
        sendHead(context)
        context.flush()
    }

    /// Parts of files come as such events.
    package func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?)
    {
        guard sending == nil else {
            sending?.later.append(.event(event, promise))
            return
        }
        if event is Sent {
            promise?.succeed()
            return
        }
        sendHead(context)
        context.triggerUserOutboundEvent(event, promise: promise)
    }

    package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode != .output || sending == nil else {
            sending?.later.append(.closeOutput(promise))
            return
        }
        context.close(mode: mode, promise: promise)
    }

    /// Sends the head that was kept back.
    private func sendHead(_ context: ChannelHandlerContext) {
        guard let (head, promise) = head else { return }
        self.head = nil
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }

    /// Sends an answer that is in memory as a whole, and stays there until the client has read it. Answers 503 instead if
    /// others that are being read take all the room.
    private func send(_ bytes: ByteBuffer, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        let count = bytes.readableBytes
        guard ticket.reserveAnswer(count, now: MonotonicTime.now) else {
            refuse(context)
            promise?.succeed()
            return
        }
        sendHead(context)
        sending = Sending(rest: bytes, count: count, promise: promise)
        sendSlice(context)
    }

    /// Sends the next slice alone, and what follows when it has been sent: each slice so shows that the client reads, and with
    /// TLS only one is held encrypted too.
    private func sendSlice(_ context: ChannelHandlerContext) {
        guard let rest = sending?.rest else { return }
        let slice = sending?.rest.readSlice(length: min(Self.slice, rest.readableBytes)) ?? ByteBuffer()
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { result in
            // Not at once: the handlers in front of this one are in the middle of the write.
            context.eventLoop.assumeIsolated().execute { self.sliceSent(result, context) }
        }
        context.writeAndFlush(wrapOutboundOut(.body(slice)), promise: sent)
    }

    private func sliceSent(_ result: Result<Void, any Error>, _ context: ChannelHandlerContext) {
        guard let now = sending else { return }
        if case .failure(let error) = result {
            fail(error)
            return context.close(promise: nil)
        }
        ticket.answerProgressed(now: MonotonicTime.now)
        guard now.rest.readableBytes == 0 else { return sendSlice(context) }
        ticket.releaseAnswer(now.count)
        sending = nil
        now.promise?.succeed()
        for later in now.later {
            switch later {
            case .write(let data, let promise): write(context: context, data: data, promise: promise)
            case .event(let event, let promise):
                triggerUserOutboundEvent(context: context, event: event, promise: promise)
            case .closeOutput(let promise): close(context: context, mode: .output, promise: promise)
            }
        }
        flush(context: context)
    }

    private func fail(_ error: any Error) {
        guard let failed = sending else { return }
        sending = nil
        ticket.releaseAnswer(failed.count)
        failed.promise?.fail(error)
        for later in failed.later { later.fail(error) }
    }

    private func refuse(_ context: ChannelHandlerContext) {
        guard let (head, promise) = head else { return }
        self.head = nil
        isDropping = true
        let text = RequestPlace.refusalText + "\n"
        var refusal = HTTPResponse(
            status: .serviceUnavailable,
            headerFields: [
                .contentType: "text/plain; charset=utf-8", .contentLength: "\(text.utf8.count)",
                .retryAfter: RequestPlace.retryAfter,
            ])
        for name in [HTTPField.Name.date, .connection] {
            refusal.headerFields[values: name] = head.headerFields[values: name]
        }
        context.write(wrapOutboundOut(.head(refusal)), promise: promise)
        context.write(wrapOutboundOut(.body(ByteBuffer(string: text))), promise: nil)
    }
}

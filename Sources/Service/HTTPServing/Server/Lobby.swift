import Admission
import NIOCore

/// Holds a new connection until it has sent enough, and with TLS until its handshake's turn has come. It has a place in the budget
/// and a deadline, but no handlers of its protocol yet.
///
/// The first handler in the connection's pipeline, on its event loop. Afterwards it passes data on.
final class Lobby: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum State {
        case new
        case waiting(Guest, Scheduled<Void>)
        /// Until its handshake's turn comes.
        case queued(Guest, Scheduled<Void>)
        case gone
    }

    /// What is passed on with a connection that leaves the lobby.
    struct Guest {
        let ticket: Admission.Ticket
        let clock: HeadClock
        var turn: HandshakeTurns.Name?
    }

    private let admission: Admission
    private let door: Door
    /// Seconds.
    private let headTime: Double
    private var first: FirstBytes
    /// Nil for plain HTTP.
    private let handshakes: Handshakes?
    /// Most bytes that a connection may send before its handshake.
    private static let mostQueued = 64 << 10
    /// Adds the protocol's handlers to the connection's pipeline.
    private let open: (any Channel, Guest) -> Void
    private var state = State.new

    init(
        admission: Admission, door: Door, headTime: Double, first: FirstBytes, handshakes: Handshakes?,
        open: @escaping (any Channel, Guest) -> Void
    ) {
        self.admission = admission
        self.door = door
        self.headTime = headTime
        self.first = first
        self.handshakes = handshakes
        self.open = open
    }

    func channelActive(context: ChannelHandlerContext) {
        let (channel, now) = (context.channel, MonotonicTime.now)
        let ticket = admission.admit(
            Source(context.remoteAddress), at: door, now: now, close: { channel.close(promise: nil) })
        guard let ticket else { return context.close(promise: nil) }
        let timer = context.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(Int64(headTime * 1e9))) {
            context.close(promise: nil)
        }
        state = .waiting(Guest(ticket: ticket, clock: HeadClock(limit: headTime, now: now)), timer)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .new: break
        case .waiting(var guest, let timer):
            guard first.append(unwrapInboundIn(data)) else { return }
            guard let handshakes else { return leave(context, guest, timer) }
            let (name, isTurn) = handshakes.come(context.channel)
            guest.turn = name
            if isTurn { leave(context, guest, timer) } else { state = .queued(guest, timer) }
        case .queued:
            _ = first.append(unwrapInboundIn(data))
            if first.buffer.readableBytes > Self.mostQueued { context.close(promise: nil) }
        case .gone: context.fireChannelRead(data)
        }
    }

    /// The connection gets its protocol's handlers.
    private func leave(_ context: ChannelHandlerContext, _ guest: Guest, _ timer: Scheduled<Void>) {
        timer.cancel()
        state = .gone
        if let turn = guest.turn, let handshakes {
            context.eventLoop.scheduleTask(in: .nanoseconds(Int64(HandshakeTurns.patience * 1e9))) {
                handshakes.leave(turn)
            }
        }
        open(context.channel, guest)
        context.fireChannelRead(wrapInboundOut(first.buffer))
        first = FirstBytes(.head, limit: 0)
    }

    private var isWaiting: Bool {
        switch state {
        case .waiting, .queued: true
        case .new, .gone: false
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is Handshakes.Turn {
            if case .queued(let guest, let timer) = state {
                leave(context, guest, timer)
                context.fireChannelReadComplete()
            }
            return
        }
        if isWaiting, event is ChannelShouldQuiesceEvent || (event as? ChannelEvent) == .inputClosed {
            return context.close(promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        switch state {
        case .waiting(let guest, let timer), .queued(let guest, let timer):
            timer.cancel()
            guest.ticket.release()
            // Whether its turn has come or not.
            if let turn = guest.turn { handshakes?.leave(turn) }
        case .new, .gone: break
        }
        state = .gone
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard isWaiting else { return context.fireErrorCaught(error) }
        context.close(promise: nil)
    }
}

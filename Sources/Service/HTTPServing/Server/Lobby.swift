import Admission
import NIOCore

/// Holds a new connection until it has sent enough. It has a place in the budget and a deadline, but no handlers of its
/// protocol yet.
///
/// The first handler in the connection's pipeline, on its event loop. Afterwards it passes data on.
final class Lobby: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum State {
        case new
        case waiting(Guest, Scheduled<Void>)
        case gone
    }

    /// What is passed on with a connection that leaves the lobby.
    struct Guest {
        let ticket: Admission.Ticket
        let clock: HeadClock
    }

    private let admission: Admission
    private let door: Door
    /// Seconds.
    private let headTime: Double
    private var first: FirstBytes
    /// Adds the protocol's handlers to the connection's pipeline.
    private let open: (any Channel, Guest) -> Void
    private var state = State.new

    init(
        admission: Admission, door: Door, headTime: Double, first: FirstBytes,
        open: @escaping (any Channel, Guest) -> Void
    ) {
        self.admission = admission
        self.door = door
        self.headTime = headTime
        self.first = first
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
        case .waiting(let guest, let timer):
            guard first.append(unwrapInboundIn(data)) else { return }
            timer.cancel()
            state = .gone
            open(context.channel, guest)
            context.fireChannelRead(wrapInboundOut(first.buffer))
            first = FirstBytes(.head, limit: 0)
        case .gone: context.fireChannelRead(data)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .waiting = state, event is ChannelShouldQuiesceEvent || (event as? ChannelEvent) == .inputClosed {
            return context.close(promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .waiting(let guest, let timer) = state {
            timer.cancel()
            guest.ticket.release()
        }
        state = .gone
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard case .waiting = state else { return context.fireErrorCaught(error) }
        context.close(promise: nil)
    }
}

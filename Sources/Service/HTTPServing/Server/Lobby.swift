import Admission
import NIOCore

/// Where a new connection waits until it has said something: its place is taken, its time runs, and nothing else has been
/// made for it.
///
/// First in the connection's pipeline, on its own event loop. Afterwards it hands on what comes.
final class Lobby: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum State {
        case new
        case waiting(Guest, Scheduled<Void>)
        case gone
    }

    /// What a connection brings along when it leaves the lobby.
    struct Guest {
        let ticket: Admission.Ticket
        let clock: HeadClock
    }

    private let admission: Admission
    private let door: Door
    /// Seconds.
    private let headTime: Double
    private var first: FirstBytes
    /// Adds what the protocol needs to the connection's pipeline.
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

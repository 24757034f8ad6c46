import Admission
import Glibc
import NIOCore

/// Keeps a listening socket open when the system has no descriptor or memory for another connection: evicts a
/// connection and continues to accept a little later. Otherwise the error would close the socket.
final class AcceptGuard: ChannelInboundHandler {
    typealias InboundIn = Channel

    /// How long accepting pauses after the error, whether or not a connection was evicted.
    private static let pause = TimeAmount.milliseconds(10)
    private static let longPause = TimeAmount.milliseconds(200)

    private let admission: Admission
    private let door: Door
    private var isPaused = false

    init(admission: Admission, door: Door) {
        self.admission = admission
        self.door = door
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let number = (error as? IOError)?.errnoCode, Self.passes(number) else {
            context.fireErrorCaught(error)
            return
        }
        // A connection that was closed before it was accepted is not an error of the listener.
        guard number != ECONNABORTED, !isPaused else { return }
        isPaused = true
        let wait = admission.shed(at: door, now: MonotonicTime.now) ? Self.pause : Self.longPause
        let channel = context.channel
        // Otherwise the event loop would report the waiting connection again and again.
        channel.setOption(.autoRead, value: false).whenComplete { _ in }
        context.eventLoop.assumeIsolated().scheduleTask(in: wait) {
            self.isPaused = false
            channel.setOption(.autoRead, value: true).whenComplete { _ in }
        }
    }

    private static func passes(_ number: Int32) -> Bool {
        [EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED].contains(number)
    }
}

import Admission
import Glibc
import NIOCore

/// Keeps a listening socket alive when the system has no descriptor or memory left for a connection: somebody who has
/// shown least is closed, and a little later accepting goes on. Without it the error would end the server.
final class AcceptGuard: ChannelInboundHandler {
    typealias InboundIn = Channel

    /// How long nothing is accepted, after somebody was closed and when nobody could be.
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
        // A connection that was gone before it was accepted is nobody's trouble.
        guard number != ECONNABORTED, !isPaused else { return }
        isPaused = true
        let wait = admission.shed(at: door, now: MonotonicTime.now) ? Self.pause : Self.longPause
        let channel = context.channel
        // Else the loop would be told again and again that somebody waits.
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

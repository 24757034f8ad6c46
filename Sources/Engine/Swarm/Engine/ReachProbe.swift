import Address
import Reactor

/// Tests whether a peer that dialled us accepts connections: connects to its listening address and closes the
/// connection at once. Lives on the loop.
final class ReachProbe: ReadinessHandler {
    /// Seconds after which the peer counts as unreachable: firewalls do not respond.
    private static let patience = 5.0

    private let loop: EventLoop
    private let stream: ByteStream
    private let answer: (Bool) -> Void
    private var timer: TimerToken?
    private var isOver = false

    /// - Parameter answer: called once, on the loop, unless the probe is cancelled.
    /// - Throws: if the connection cannot even be started.
    init(
        _ address: PeerAddress, from source: PeerAddress, over network: any StreamNetwork, loop: EventLoop,
        answer: @escaping (Bool) -> Void
    ) throws(SocketError) {
        self.loop = loop
        self.answer = answer
        stream = try network.connect(to: address, from: source)
        do { try stream.register(on: loop, for: .write, handler: self) } catch {
            stream.close()
            throw error
        }
        timer = loop.schedule(after: Self.patience) { [weak self] in self?.end(false) }
    }

    func ready(_ readiness: Readiness) { end(stream.connectError == 0) }

    func cancel() {
        guard !isOver else { return }
        isOver = true
        if let timer { loop.cancel(timer) }
        stream.unregister(from: loop)
        stream.close()
    }

    private func end(_ isReachable: Bool) {
        guard !isOver else { return }
        cancel()
        answer(isReachable)
    }
}

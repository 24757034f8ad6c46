import Reactor
import Synchronization

/// Closes a connection whose place in the budget of the process is needed for another, on whichever loop it lives by then. May
/// be called from any thread.
final class Eviction: Sendable {
    private final class Target {
        weak var connection: PeerConnection?

        init(_ connection: PeerConnection) { self.connection = connection }
    }

    private struct State {
        var isDue = false
        var loop: EventLoop?
        var target: LoopBound<Target>?

        /// A connection that has moved on meanwhile is closed where it arrives, see ``follow(_:)``.
        func carryOut() {
            guard isDue, let loop, let target else { return }
            loop.post { target.value.connection?.evict() }
        }
    }

    private let state = Mutex(State())

    func evict() {
        state.withLock {
            $0.isDue = true
            $0.carryOut()
        }
    }

    /// The connection lives on this loop from now on.
    func follow(_ connection: PeerConnection) {
        let target = LoopBound(Target(connection), on: connection.loop)
        state.withLock {
            $0.loop = connection.loop
            $0.target = target
            $0.carryOut()
        }
    }
}

import Glibc
import Synchronization
import Threads

/// Signals of the process, received by the main thread and nobody else.
///
/// They are blocked before any other thread exists and read with `sigwait`, so no code ever runs inside a signal
/// handler. The first SIGINT or SIGTERM asks for a clean stop; a second one, or five seconds gone by, ends the
/// process at once.
final class StopSignal: Sendable {
    static let shared = StopSignal()

    /// The time a clean stop may take before the process ends without it.
    static let graceSeconds = 5

    private struct State {
        var stopped = false
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter = 0
        var onHangup: (@Sendable () -> Void)?
        /// What the process exits with if the clean stop does not come to its end.
        var forcedStatus = ExitStatus.interrupted
    }

    private let state = Mutex(State())

    /// Whether a stop was asked for.
    var isStopped: Bool { state.withLock { $0.stopped } }

    /// Runs on SIGHUP, on the main thread. Without it SIGHUP asks for a stop, as a closed terminal does.
    func onHangup(_ reload: @escaping @Sendable () -> Void) { state.withLock { $0.onHangup = reload } }

    /// Says with what status to exit when a stop has to be forced: 0 for whatever had done its work.
    func setForcedStatus(_ status: ExitStatus) { state.withLock { $0.forcedStatus = status } }

    /// Returns when a stop was asked for, or when the task is cancelled.
    func wait() async {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now = state.withLock { state in
                    // Cancellation before this line finds no waiter; it is seen here instead.
                    if state.stopped || Task.isCancelled { return true }
                    state.waiting[id] = continuation
                    return false
                }
                if now { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
        }
    }

    /// Asks for a stop from inside, as a signal would.
    func stop() {
        let waiting = state.withLock { state in
            state.stopped = true
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Asks for a stop when the other end of a pipe goes away.
    func stopWithReader(of descriptor: Int32) {
        Threads.runDetached {
            var watched = pollfd(fd: descriptor, events: 0, revents: 0)
            while poll(&watched, 1, -1) < 0, errno == EINTR {}
            self.stop()
        }
    }

    /// Must run before a second thread exists: threads inherit the mask.
    static func block() {
        signal(SIGPIPE, SIG_IGN)
        var set = handled
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// The main thread's work until the process ends.
    func serve() -> Never {
        var set = Self.handled
        while true {
            var number: Int32 = 0
            guard sigwait(&set, &number) == 0 else { continue }
            if number == SIGHUP, let reload = state.withLock({ $0.onHangup }) {
                reload()
                continue
            }
            stop()
            waitForForce(&set)
        }
    }

    private func waitForForce(_ set: inout sigset_t) -> Never {
        var left = timespec(tv_sec: Self.graceSeconds, tv_nsec: 0)
        while true {
            let number = sigtimedwait(&set, nil, &left)
            if number == SIGHUP || (number < 0 && errno == EINTR) { continue }
            // Either impatience or a stop that hangs. The state on disk is right at every instant (`kill -9` is no
            // worse).
            _exit(number == SIGINT ? ExitStatus.interrupted.rawValue : state.withLock { $0.forcedStatus }.rawValue)
        }
    }

    static var handled: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&set, number) }
        return set
    }
}

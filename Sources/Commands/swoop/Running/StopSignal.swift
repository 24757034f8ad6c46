import Glibc
import Synchronization
import Threads

/// Signals of the process, received only by the main thread.
///
/// They are blocked before any other thread exists and read with `sigwait`, so no code ever runs inside a signal
/// handler. The first SIGINT or SIGTERM requests a clean stop. A second one, or five seconds without an end, ends the
/// process at once.
final class StopSignal: Sendable {
    static let shared = StopSignal()

    /// Maximum seconds for a clean stop before the process ends without it.
    static let graceSeconds = 5

    private struct State {
        var stopped = false
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter = 0
        var onHangup: [@Sendable () -> Void] = []
        /// The exit status if the clean stop does not finish.
        var forcedStatus = ExitStatus.interrupted
    }

    private let state = Mutex(State())

    /// Whether a stop was requested.
    var isStopped: Bool { state.withLock { $0.stopped } }

    /// Adds a function to run on SIGHUP, on the main thread. Without one, SIGHUP requests a stop, as when a terminal
    /// is closed. But a process that systemd has started ignores it, because there it means `systemctl reload`.
    func onHangup(_ reload: @escaping @Sendable () -> Void) { state.withLock { $0.onHangup.append(reload) } }

    /// Sets the exit status of a forced stop: 0 for a process that has done its work.
    func setForcedStatus(_ status: ExitStatus) { state.withLock { $0.forcedStatus = status } }

    /// Returns when a stop is requested, or when the task is cancelled.
    func wait() async {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now = state.withLock { state in
                    // If the task was cancelled before this line, no waiter was found; the cancellation is detected
                    // here.
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

    /// Requests a stop from inside the process.
    func stop() {
        let waiting = state.withLock { state in
            state.stopped = true
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Requests a stop when the other end of a pipe is closed.
    func stopWithReader(of descriptor: Int32) {
        Threads.runDetached {
            var watched = pollfd(fd: descriptor, events: 0, revents: 0)
            while poll(&watched, 1, -1) < 0, errno == EINTR {}
            self.stop()
        }
    }

    /// Must run before a second thread exists, because threads inherit the mask.
    static func block() {
        signal(SIGPIPE, SIG_IGN)
        var set = handled
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// The work of the main thread until the process ends.
    func serve() -> Never {
        var set = Self.handled
        while true {
            var number: Int32 = 0
            guard sigwait(&set, &number) == 0 else { continue }
            let reloads = number == SIGHUP ? state.withLock { $0.onHangup } : []
            guard reloads.isEmpty else {
                for reload in reloads { reload() }
                continue
            }
            if number == SIGHUP, ServiceManager.isParent { continue }
            stop()
            waitForForce(&set)
        }
    }

    private func waitForForce(_ set: inout sigset_t) -> Never {
        var left = timespec(tv_sec: Self.graceSeconds, tv_nsec: 0)
        while true {
            let number = sigtimedwait(&set, nil, &left)
            if number == SIGHUP || (number < 0 && errno == EINTR) { continue }
            // A second SIGINT, or a stop that hangs. The state on disk is valid at every moment (`kill -9` is no
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

import Policy

/// How one attempt of some work ended.
package enum WorkOutcome<Problem: Sendable>: Sendable {
    case complete
    /// Stopped on request.
    case stopped
    case failed(Problem)
}

/// Work that may be done only while a window is open, and is tried again when it failed: an attempt is cancelled when the
/// window closes, and begins anew in the next.
package struct WindowedWork: Sendable {
    private let window: QuietWindow
    private let retry: Backoff
    /// Seconds between two looks at the window.
    private let tick: Double
    private let clock: any JobClock

    package init(window: QuietWindow, retry: Backoff, tick: Double, clock: any JobClock) {
        self.window = window
        self.retry = retry
        self.tick = tick
        self.clock = clock
    }

    private var isOpen: Bool { window.isOpen(at: clock.now.wall, clock: clock.calendar) }

    /// - Parameters:
    ///   - mayPass: whether a problem may be gone at the next attempt.
    ///   - attempt: ends soon after it was cancelled.
    /// - Returns: `stopped` only when the task was cancelled.
    package func run<Problem: Sendable>(
        mayPass: @Sendable (Problem) -> Bool, _ attempt: @escaping @Sendable () async -> WorkOutcome<Problem>
    ) async -> WorkOutcome<Problem> {
        var failures = 0
        while !Task.isCancelled {
            guard isOpen else {
                await clock.sleep(seconds: tick)
                continue
            }
            switch await withinWindow(attempt) {
            case .complete: return .complete
            case .stopped: continue
            case .failed(let problem) where !mayPass(problem): return .failed(problem)
            case .failed:
                await clock.sleep(seconds: retry.delay(after: failures))
                failures += 1
            }
        }
        return .stopped
    }

    /// One attempt, which the window's end cancels.
    private func withinWindow<Problem: Sendable>(
        _ attempt: @escaping @Sendable () async -> WorkOutcome<Problem>
    ) async -> WorkOutcome<Problem> {
        let work = Task { await attempt() }
        let guardian = Task {
            while !Task.isCancelled, isOpen { await clock.sleep(seconds: tick) }
            work.cancel()
        }
        defer { guardian.cancel() }
        return await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            work.cancel()
        }
    }
}

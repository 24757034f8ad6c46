import Synchronization

/// Delays the publication of complete content until control has ordered the switch.
final class PublishGate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Bool, Never>] = []
        var isClosed = false
    }

    private let state = Mutex(State())

    /// Waits. Returns true when the gate opens, false when it is closed or the waiting task is cancelled.
    func wait() async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> Bool? in
                    if state.isOpen { return true }
                    if state.isClosed { return false }
                    state.waiting.append(continuation)
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            close()
        }
    }

    func open() { end(true) }

    /// Ends all current and later waits with false.
    func close() { end(false) }

    private func end(_ opens: Bool) {
        let waiting = state.withLock { state in
            if opens { state.isOpen = true } else { state.isClosed = true }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: opens) }
    }
}

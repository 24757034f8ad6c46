import Synchronization

/// One queued read or write. Its caller is suspended until `run`'s result is called or `fail` is.
struct Work: Sendable {
    /// Returns a closure that resumes the caller with the result. For a write, it is called after the commit.
    let run: @Sendable (SQLConnection) throws -> @Sendable () -> Void
    let fail: @Sendable (DatabaseFileError) -> Void
}

/// Queued reads or writes, and the number of groups that are running.
///
/// A caller whose ``add(_:)`` returns true starts a group: it calls ``take()``, runs the work, and calls ``more()``.
/// Work that is added while a group runs goes into a later group, so a read never uses a snapshot that is older than
/// its call.
final class WaitingWork: Sendable {
    private struct State {
        var waiting: [Work] = []
        var running = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let mostRunning: Int
    private let mostAtOnce: Int

    /// - Parameters:
    ///   - mostRunning: maximum number of groups that run at a time.
    ///   - mostAtOnce: maximum number of reads or writes in a group.
    init(mostRunning: Int, mostAtOnce: Int) {
        self.mostRunning = mostRunning
        self.mostAtOnce = mostAtOnce
    }

    /// Returns whether the caller must start a group. Fails the work at once when the queue is closed.
    func add(_ work: Work) -> Bool {
        let answer: Bool? = state.withLock { state in
            if state.isClosed { return nil }
            state.waiting.append(work)
            guard state.running < mostRunning else { return false }
            state.running += 1
            return true
        }
        if answer == nil { work.fail(.closed) }
        return answer ?? false
    }

    /// The next group. Call ``more()`` once after it has run.
    func take() -> [Work] {
        state.withLock { state in
            let group = Array(state.waiting.prefix(mostAtOnce))
            state.waiting.removeFirst(group.count)
            return group
        }
    }

    /// Call after a group. Returns whether the caller must start another one.
    func more() -> Bool {
        state.withLock { state in
            if !state.waiting.isEmpty { return true }
            state.running -= 1
            return false
        }
    }

    /// Fails all work that is added from now on.
    func close() { state.withLock { $0.isClosed = true } }
}

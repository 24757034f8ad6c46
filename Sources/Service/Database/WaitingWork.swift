import Synchronization

/// Something that somebody waits for.
struct Work: Sendable {
    /// Returns what tells the one who waits that it is done.
    let run: @Sendable (SQLConnection) throws -> @Sendable () -> Void
    let fail: @Sendable (DatabaseFileError) -> Void
}

/// Work that waits for a connection, and how many connections are at it.
///
/// Whoever is told to start takes everything that waits, does it, and asks for more: what comes while a group is done waits for the
/// next, which begins after it came.
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
    ///   - mostRunning: how many groups are done at a time.
    ///   - mostAtOnce: the most pieces of work in a group.
    init(mostRunning: Int, mostAtOnce: Int) {
        self.mostRunning = mostRunning
        self.mostAtOnce = mostAtOnce
    }

    /// Returns whether the caller has to start a group.
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

    /// The next group. To be followed by one call of ``more()``.
    func take() -> [Work] {
        state.withLock { state in
            let group = Array(state.waiting.prefix(mostAtOnce))
            state.waiting.removeFirst(group.count)
            return group
        }
    }

    /// After a group: whether to start another.
    func more() -> Bool {
        state.withLock { state in
            if !state.waiting.isEmpty { return true }
            state.running -= 1
            return false
        }
    }

    /// Refuses all that comes from now on.
    func close() { state.withLock { $0.isClosed = true } }
}

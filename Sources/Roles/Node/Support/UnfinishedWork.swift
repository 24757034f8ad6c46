/// Counts work that must have ended before another node may work on the same data. Belongs to an actor.
struct UnfinishedWork: Sendable {
    private var count = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Call once for each later ``end()``, without waiting for anything after the check whether the node was stopped.
    mutating func begin() { count += 1 }

    mutating func end() {
        count -= 1
        guard count == 0 else { return }
        for continuation in waiting { continuation.resume() }
        waiting = []
    }

    /// Resumes the continuation when nothing is unfinished.
    mutating func whenDone(_ continuation: CheckedContinuation<Void, Never>) {
        if count == 0 { continuation.resume() } else { waiting.append(continuation) }
    }
}

import Synchronization

/// The tasks that answer a server's connections, each a task of its own. A task group would look for each that ends among all of its
/// children, one after the other: with ten thousand connections, each that closed took a millisecond of everybody's time.
package final class AnsweringTasks: Sendable {
    private struct State {
        var tasks: [UInt64: Task<Void, Never>] = [:]
        var last: UInt64 = 0
        var isStopped = false
    }

    private let state = Mutex(State())

    package init() {}

    /// Number of tasks that have not ended.
    package var count: Int { state.withLock { $0.tasks.count } }

    /// Runs a task, unless no more are to begin.
    /// - Returns: whether it runs.
    package func run(_ body: @escaping @Sendable () async -> Void) -> Bool {
        state.withLock { state in
            guard !state.isStopped else { return false }
            state.last += 1
            let name = state.last
            // It cannot end before it is noted: its end waits for this lock.
            state.tasks[name] = Task {
                await body()
                _ = self.state.withLock { $0.tasks.removeValue(forKey: name) }
            }
            return true
        }
    }

    /// Cancels all tasks. None begins any more.
    package func stop() {
        let tasks = state.withLock { state in
            state.isStopped = true
            return Array(state.tasks.values)
        }
        for task in tasks { task.cancel() }
    }

    /// Returns when the last task has ended. Call ``stop()`` before.
    package func end() async {
        for task in state.withLock({ Array($0.tasks.values) }) { await task.value }
    }
}

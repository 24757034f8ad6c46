import Synchronization

/// Tasks that run beside their owner. One that has finished is forgotten.
package final class ChildTasks: Sendable {
    private struct State {
        var next = 0
        var running: [Int: Task<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// How many have not finished.
    package var count: Int { state.withLock { $0.running.count } }

    package func add(_ work: @escaping @Sendable () async -> Void) {
        state.withLock { state in
            let id = state.next
            state.next += 1
            // A task that finishes at once waits here until it has been entered.
            state.running[id] = Task { [weak self] in
                await work()
                self?.forget(id)
            }
        }
    }

    package func cancel() {
        for task in state.withLock({ Array($0.running.values) }) { task.cancel() }
    }

    private func forget(_ id: Int) { state.withLock { _ = $0.running.removeValue(forKey: id) } }
}

/// Which tasks of one direction run now: at most so many at once, the others wait in the order they came.
package struct QueueMachine: Sendable {
    /// `uploadingnum` or `downloadingnum`.
    package private(set) var limit: Int
    /// File names of tasks that wait, first come first.
    package private(set) var waiting: [String] = []
    /// File names of tasks that hold a place.
    package private(set) var running: Set<String> = []

    package init(limit: Int) { self.limit = max(limit, 1) }

    /// A task came; one that waits or runs already does not come twice.
    /// - Returns: the tasks that start now.
    package mutating func add(_ task: String) -> [String] {
        if !waiting.contains(task) && !running.contains(task) { waiting.append(task) }
        return startable()
    }

    /// A task that was running before a restart goes on, over the limit if need be: its state says that it runs.
    package mutating func resume(_ task: String) {
        waiting.removeAll { $0 == task }
        running.insert(task)
    }

    /// A task needs its place no longer (it is done, failed, cancelled, or only serves from now on), or left the queue.
    /// - Returns: the tasks that start now.
    package mutating func remove(_ task: String) -> [String] {
        waiting.removeAll { $0 == task }
        running.remove(task)
        return startable()
    }

    /// The configuration was loaded again. Tasks that run over a smaller limit run to their end.
    /// - Returns: the tasks that start now.
    package mutating func setLimit(_ limit: Int) -> [String] {
        self.limit = max(limit, 1)
        return startable()
    }

    private mutating func startable() -> [String] {
        let count = min(max(limit - running.count, 0), waiting.count)
        let started = Array(waiting.prefix(count))
        waiting.removeFirst(count)
        running.formUnion(started)
        return started
    }
}

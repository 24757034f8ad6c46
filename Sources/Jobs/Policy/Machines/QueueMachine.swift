/// Decides which tasks of one direction run: a limited number at a time; the others wait in order of arrival.
package struct QueueMachine: Sendable {
    /// `uploadingnum` or `downloadingnum`.
    package private(set) var limit: Int
    /// File names of waiting tasks, in order of arrival.
    package private(set) var waiting: [String] = []
    /// File names of running tasks.
    package private(set) var running: Set<String> = []

    package init(limit: Int) { self.limit = max(limit, 1) }

    /// Adds a task, unless it is waiting or running already.
    /// - Returns: the tasks to start now.
    package mutating func add(_ task: String) -> [String] {
        if !waiting.contains(task) && !running.contains(task) { waiting.append(task) }
        return startable()
    }

    /// Continues a task that was running before a restart, even above the limit.
    package mutating func resume(_ task: String) {
        waiting.removeAll { $0 == task }
        running.insert(task)
    }

    /// A task no longer needs its place (it is finished, failed, cancelled, or only seeding), or left the queue.
    /// - Returns: the tasks to start now.
    package mutating func remove(_ task: String) -> [String] {
        waiting.removeAll { $0 == task }
        running.remove(task)
        return startable()
    }

    /// The configuration was reloaded. Running tasks above a smaller limit continue to their end.
    /// - Returns: the tasks to start now.
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

import Policy

/// Task states for event subscribers: read once per interval for all subscribers of a task, by name, without listing
/// every directory.
actor TaskSnapshots {
    private struct Snapshot {
        let takenAt: ContinuousClock.Instant
        /// Nil if there was no such task.
        let state: Task<[UInt8]?, Never>
    }

    private struct Key: Hashable {
        let name: String
        let direction: TaskEntry.Direction?
    }

    /// How long a snapshot is valid.
    private let interval: Duration
    private let look: @Sendable (String, TaskEntry.Direction?) async -> [UInt8]?
    private var snapshots: [Key: Snapshot] = [:]

    init(interval: Duration, look: @escaping @Sendable (String, TaskEntry.Direction?) async -> [UInt8]?) {
        self.interval = interval
        self.look = look
    }

    /// A task as JSON; nil if there is none with this name.
    func state(of name: String, _ direction: TaskEntry.Direction?) async -> [UInt8]? {
        let (key, now) = (Key(name: name, direction: direction), ContinuousClock.now)
        if let known = snapshots[key], now - known.takenAt < interval * 0.9 { return await known.state.value }
        snapshots = snapshots.filter { now - $0.value.takenAt < interval }
        let look = look
        let state = Task { await look(name, direction) }
        snapshots[key] = Snapshot(takenAt: now, state: state)
        return await state.value
    }
}

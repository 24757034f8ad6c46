import Fleet

/// The events that control has not acknowledged yet, in the order of their numbers. Pure.
package struct PendingEvents: Sendable {
    private struct Entry {
        let event: AgentEvent
        let size: Int
    }

    /// Number of the next event; the first is 1.
    package private(set) var next: UInt64
    package private(set) var bytes = 0
    private var entries: ArraySlice<Entry> = []
    /// Maximum bytes of pending events.
    private let most: Int

    package init(next: UInt64 = 1, most: Int = SyncRequest.mostEventBytes) {
        self.next = next
        self.most = most
    }

    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count }
    /// Number of the oldest event; nil if there is none.
    var oldest: UInt64? { entries.first?.event.number }
    var all: [AgentEvent] { entries.map(\.event) }

    package func hasRoom(for size: Int) -> Bool { bytes + size <= most }

    /// - Parameter size: length of the event as JSON, in bytes.
    /// - Returns: false if there is no room.
    package mutating func append(_ event: AgentEvent, size: Int) -> Bool {
        guard hasRoom(for: size) else { return false }
        restore(event, size: size)
        return true
    }

    /// Appends an event that was durable before, whether there is room or not.
    package mutating func restore(_ event: AgentEvent, size: Int) {
        entries.append(Entry(event: event, size: size))
        bytes += size
        next = max(next, event.number + 1)
    }

    /// Call when control has stored all events up to this number durably.
    package mutating func acknowledge(upTo number: UInt64) {
        while let first = entries.first, first.event.number <= number {
            bytes -= first.size
            entries.removeFirst()
        }
        // A slice keeps its whole buffer, so the removed front must be freed explicitly.
        if entries.isEmpty { entries = [] } else if entries.startIndex > 4096 { entries = ArraySlice(Array(entries)) }
    }

    /// The events for the next request: the oldest ones, at most `most`.
    package func batch(most: Int = SyncRequest.mostEvents) -> [AgentEvent] { entries.prefix(most).map(\.event) }
}

import Fleet

/// Events that control has not acknowledged yet, in order. Pure.
package struct PendingEvents: Sendable {
    private struct Entry {
        let event: AgentEvent
        let size: Int
    }

    /// Of the next event; the first is 1.
    package private(set) var next: UInt64
    package private(set) var bytes = 0
    private var entries: ArraySlice<Entry> = []
    /// Bytes that are kept at most.
    private let most: Int

    package init(next: UInt64 = 1, most: Int = SyncRequest.mostEventBytes) {
        self.next = next
        self.most = most
    }

    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count }
    /// Number of the oldest event; nil for none.
    var oldest: UInt64? { entries.first?.event.number }
    var all: [AgentEvent] { entries.map(\.event) }

    func hasRoom(for size: Int) -> Bool { bytes + size <= most }

    /// - Parameter size: of the event as JSON, in bytes.
    /// - Returns: whether there was room.
    package mutating func append(_ event: AgentEvent, size: Int) -> Bool {
        guard hasRoom(for: size) else { return false }
        entries.append(Entry(event: event, size: size))
        bytes += size
        next = max(next, event.number + 1)
        return true
    }

    /// Control has made all durable up to this number.
    package mutating func acknowledge(upTo number: UInt64) {
        while let first = entries.first, first.event.number <= number {
            bytes -= first.size
            entries.removeFirst()
        }
        // The front of the slice is not given back by itself.
        if entries.isEmpty { entries = [] } else if entries.startIndex > 4096 { entries = ArraySlice(Array(entries)) }
    }

    /// What the next request carries: the oldest, as many as fit.
    package func batch(most: Int = SyncRequest.mostEvents) -> [AgentEvent] { entries.prefix(most).map(\.event) }
}

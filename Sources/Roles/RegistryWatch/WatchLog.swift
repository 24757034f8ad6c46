/// The latest events of an index, numbered from 1. Pure.
package struct WatchLog: Sendable {
    private struct Entry {
        let event: WatchEvent
        /// Ids of the agents that the event is for; nil for all.
        let watchers: Set<String>?
    }

    private let most: Int
    private let mostInReply: Int
    private var entries: [Entry] = []
    /// The number of the first entry.
    private var first: Int64 = 1
    /// The number of the last event; 0 before the first.
    package var last: Int64 { first + Int64(entries.count) - 1 }

    package init(_ limits: WatchLimits) {
        most = max(1, limits.events)
        mostInReply = max(1, limits.eventsInReply)
    }

    package mutating func append(_ event: WatchEvent, for watchers: Set<String>? = nil) {
        entries.append(Entry(event: event, watchers: watchers))
        // Removal from the front moves all other entries, so remove many at a time.
        guard entries.count > most + most / 4 else { return }
        let dropped = entries.count - most
        entries.removeFirst(dropped)
        first += Int64(dropped)
    }

    /// The events after a number that are for an agent.
    /// - Parameters:
    ///   - after: number of the last event that the agent knows; nil for its first request, which gets no events.
    ///   - sees: whether the agent may see an event.
    /// - Returns: the events; the number of the last event that they cover; and whether events after `after` were
    ///   dropped.
    package func events(
        after: Int64?, for watcher: String, sees: (WatchEvent) -> Bool
    ) -> (events: [WatchEvent], last: Int64, hasGap: Bool) {
        guard let after else { return ([], last, false) }
        guard after <= last, after >= first - 1 else { return ([], last, true) }
        var found: [WatchEvent] = []
        var number = after
        for entry in entries[Int(after - first + 1)...] {
            if found.count == mostInReply { break }
            number += 1
            if entry.watchers.map({ $0.contains(watcher) }) ?? true, sees(entry.event) { found.append(entry.event) }
        }
        return (found, number, false)
    }
}

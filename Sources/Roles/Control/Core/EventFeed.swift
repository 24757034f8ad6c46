import FleetStore
import JSON
import Synchronization

/// The latest changes, in order, for event streams and webhooks.
package final class EventFeed: Sendable {
    /// Minimum number of events that are kept, for subscribers that reconnect.
    package static let most = 10_000

    private struct State {
        var events: [ChangeRecord] = []
        /// Id of the last change before the first event.
        var floor: Int64 = 0
        var listeners: [@Sendable (ChangeRecord) -> Void] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// - Parameter changes: in the order of their ids, and newer than all before.
    package func put(_ changes: [ChangeRecord]) {
        let listeners = state.withLock { state in
            state.events += changes
            if state.events.count > 2 * Self.most {
                let gone = state.events.count - Self.most
                state.floor = state.events[gone - 1].id
                state.events.removeFirst(gone)
            }
            return state.listeners
        }
        for change in changes { for listener in listeners { listener(change) } }
    }

    /// - Parameter listener: called for each change; must not block.
    package func listen(_ listener: @escaping @Sendable (ChangeRecord) -> Void) {
        state.withLock { $0.listeners.append(listener) }
    }

    /// Events after a number; nil where some are gone, and for a number that none has yet: as after a restore of the database.
    package func events(after id: Int64, most: Int = 1000) -> [ChangeRecord]? {
        state.withLock { state in
            guard id >= state.floor, id <= state.events.last?.id ?? state.floor else { return nil }
            let start = state.events.firstIndex { $0.id > id } ?? state.events.count
            return Array(state.events[start...].prefix(most))
        }
    }

    package var last: Int64 { state.withLock { $0.events.last?.id ?? $0.floor } }

    /// Sets the id after which the events begin.
    func begin(after id: Int64) { state.withLock { $0.floor = id } }
}

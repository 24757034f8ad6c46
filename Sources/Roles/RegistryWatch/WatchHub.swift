import JSON
import Registry
import Synchronization
import Threads

/// Holds the long-polling requests of agents and answers them with events. Thread-safe.
package final class WatchHub: Sendable {
    private struct State {
        var log: WatchLog
        var watchers: WatcherTable
        var warmings: WarmTable
        /// Held requests by agent id: one of each agent.
        var held: [String: (serial: UInt64, continuation: CheckedContinuation<Void, Never>)] = [:]
        var serials: UInt64 = 0
    }

    package let epoch = WatchID.random()
    private let limits: WatchLimits
    private let state: Mutex<State>

    package init(limits: WatchLimits = WatchLimits()) {
        self.limits = limits
        state = Mutex(
            State(log: WatchLog(limits), watchers: WatcherTable(limits), warmings: WarmTable(limits)))
    }

    // MARK: Calls of the index

    /// Publishes that tags now refer to a digest. Call after the change is durable.
    package func tagged(_ tags: [Tag], of name: ContentName, _ digest: BlobDigest) {
        publish(tags.map { (.tagged(Reference(name: name, version: .tag($0)), digest), nil) })
    }

    private func publish(_ events: [(WatchEvent, Set<String>?)]) {
        let woken = state.withLock { state in
            for (event, watchers) in events { state.log.append(event, for: watchers) }
            defer { state.held = [:] }
            return state.held.values.map(\.continuation)
        }
        for continuation in woken { continuation.resume() }
    }

    // MARK: Requests of agents

    /// Events after those that the agent knows; waits until there are any, or until the time is over.
    /// - Parameters:
    ///   - known: epoch and number of the last event that the agent knows; nil for its first request, which gets no
    ///     events.
    ///   - wait: most seconds to wait; not more than ``WatchLimits/hold``.
    package func events(
        for watcher: Watcher, known: (epoch: String, last: Int64)?, wait: Double
    ) async -> WatchReply {
        let gone = state.withLock { state -> CheckedContinuation<Void, Never>? in
            let gone = state.watchers.saw(watcher, now: Clocks.steadySeconds)
            return gone.flatMap { state.held.removeValue(forKey: $0)?.continuation }
        }
        gone?.resume()
        let reply = reply(to: watcher, known)
        guard let known, known.epoch == epoch, reply.events.isEmpty, reply.last == known.last, !reply.hasGap, wait > 0
        else { return reply }
        await held(watcher.id, after: known.last, for: min(wait, limits.hold))
        // The agent was here during the wait: its absence counts from now.
        state.withLock { _ = $0.watchers.saw(watcher, now: Clocks.steadySeconds) }
        return self.reply(to: watcher, known)
    }

    private func reply(to watcher: Watcher, _ known: (epoch: String, last: Int64)?) -> WatchReply {
        state.withLock { state in
            let isSameLife = known.map { $0.epoch == epoch } ?? true
            let found = state.log.events(after: isSameLife ? known?.last : nil, for: watcher.id) { event in
                watcher.scope?.includes(event.name.text) ?? true
            }
            // The time promises that all events up to it are included. It is left out if more events are waiting.
            return WatchReply(
                epoch: epoch, last: found.last, hasGap: found.hasGap || !isSameLife, events: found.events,
                time: found.last == state.log.last ? Clocks.wallSeconds : nil)
        }
    }

    /// Returns when an event was published, when the time is over, and when the task is cancelled.
    private func held(_ id: String, after last: Int64, for seconds: Double) async {
        let serial = state.withLock { state in
            state.serials += 1
            return state.serials
        }
        var timer: Task<Void, Never>?
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let released = state.withLock { state -> [CheckedContinuation<Void, Never>] in
                    if state.log.last != last || Task.isCancelled { return [continuation] }
                    // An agent sends one request at a time. If it sends another, it has given up the earlier one: end
                    // that.
                    let before = state.held.updateValue((serial, continuation), forKey: id)
                    return before.map { [$0.continuation] } ?? []
                }
                for continuation in released { continuation.resume() }
                // Begun only now: what the timer releases must be held already, however short the time is.
                timer = Task {
                    try? await Task.sleep(for: .seconds(seconds))
                    self.release(id, serial)
                }
            }
        } onCancel: {
            self.release(id, serial)
        }
        timer?.cancel()
    }

    private func release(_ id: String, _ serial: UInt64) {
        let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.held[id]?.serial == serial else { return nil }
            return state.held.removeValue(forKey: id)?.continuation
        }
        continuation?.resume()
    }

    // MARK: Warming

    /// Tells agents to pull a reference, spread over the sites.
    /// - Parameter count: number of agents; nil for all.
    /// - Returns: the id of the warming; nil if no agent that may see the name is watching.
    package func warm(_ reference: Reference, on count: Int?) -> String? {
        let (id, now) = (WatchID.random(), Clocks.steadySeconds)
        let chosen = state.withLock { state in
            let chosen = state.watchers.choose(count, name: reference.name.text, now: now)
            if !chosen.isEmpty { state.warmings.begin(id, reference, on: chosen, now: now) }
            return chosen
        }
        guard !chosen.isEmpty else { return nil }
        publish([(.warm(id: id, reference), Set(chosen.map(\.id)))])
        return id
    }

    package func report(_ report: WarmReport, of watcher: String, on id: String) -> Bool {
        state.withLock { $0.warmings.report(report, of: watcher, on: id, now: Clocks.steadySeconds) }
    }

    package func reference(ofWarming id: String) -> Reference? { state.withLock { $0.warmings.reference(of: id) } }

    package func warming(_ id: String) -> JSONValue? {
        let now = Clocks.steadySeconds
        return state.withLock { state in
            state.warmings.json(of: id, now: now) { state.watchers.isHere($0, now: now) }
        }
    }
}

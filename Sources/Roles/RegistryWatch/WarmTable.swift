import JSON
import Registry

/// A host's progress in a warming.
package struct WarmReport: Sendable, Hashable {
    package enum State: String, Sendable, CaseIterable {
        /// The host has not reported yet.
        case waiting
        case resolving, fetching, complete, failed
        /// The host stopped asking for events before it was done.
        case gone

        package var isOver: Bool { self == .complete || self == .failed || self == .gone }
    }

    package var state: State
    /// Bytes that the host has, of `total`.
    package var done: Int64
    package var total: Int64
    /// The reason of a failure; empty otherwise.
    package var detail: String

    package init(state: State, done: Int64 = 0, total: Int64 = 0, detail: String = "") {
        self.state = state
        self.done = done
        self.total = total
        self.detail = detail
    }

    package static let mostDetail = 500

    /// Nil for a malformed report, and for the state `gone`, which only the index sets.
    package init?(_ value: JSONValue) {
        guard let state = value["state"]?.stringValue.flatMap({ State(rawValue: $0) }), state != .gone,
            case .integer(let done)? = value["done"], case .integer(let total)? = value["total"], done >= 0, total >= 0
        else { return nil }
        self.init(
            state: state, done: done, total: total,
            detail: (value["detail"]?.stringValue ?? "").prefix(bytes: Self.mostDetail))
    }

    /// Adds the report's members to a JSON object.
    package func write(to object: inout JSONObject) {
        object["state"] = .string(state.rawValue)
        object["done"] = .integer(done)
        object["total"] = .integer(total)
        if !detail.isEmpty { object["detail"] = .string(detail) }
    }
}

/// The warmings of an index, and the progress of their hosts. Pure: times are seconds of a monotonic clock.
package struct WarmTable: Sendable {
    package struct Host: Sendable {
        let watcher: Watcher
        package var report = WarmReport(state: .waiting)
        var heardAt: Double
    }

    struct Warming: Sendable {
        let reference: Reference
        var hosts: [String: Host] = [:]
        /// Ids of the watchers, in the order in which they were chosen.
        let order: [String]
    }

    private let limits: WatchLimits
    private var warmings: [String: Warming] = [:]
    /// Ids of the warmings, the oldest first.
    private var order: [String] = []
    private var hosts = 0

    package init(_ limits: WatchLimits) { self.limits = limits }

    /// Begins a warming on these agents. Drops the oldest warmings beyond the limits, but never this one.
    package mutating func begin(_ id: String, _ reference: Reference, on watchers: [Watcher], now: Double) {
        var warming = Warming(reference: reference, order: watchers.map(\.id))
        for watcher in watchers { warming.hosts[watcher.id] = Host(watcher: watcher, heardAt: now) }
        warmings[id] = warming
        order.append(id)
        hosts += watchers.count
        while order.count > 1, order.count > limits.warmings || hosts > limits.warmHosts {
            hosts -= warmings.removeValue(forKey: order.removeFirst())?.order.count ?? 0
        }
    }

    /// Takes a host's report. A host that is done stays so, whatever arrives late.
    /// - Returns: false for an unknown or dropped warming, and for a host that is not part of it.
    package mutating func report(_ report: WarmReport, of watcher: String, on id: String, now: Double) -> Bool {
        guard let before = warmings[id]?.hosts[watcher]?.report else { return false }
        guard !before.state.isOver else { return true }
        warmings[id]?.hosts[watcher]?.report = report
        warmings[id]?.hosts[watcher]?.heardAt = now
        return true
    }

    package func reference(of id: String) -> Reference? { warmings[id]?.reference }

    /// The warming as clients read it; nil for an unknown or dropped one.
    /// - Parameter isHere: whether the agent with this id still asks for events.
    package func json(of id: String, now: Double, isHere: (String) -> Bool) -> JSONValue? {
        guard let warming = warmings[id] else { return nil }
        let hosts = warming.order.compactMap { warming.hosts[$0] }.map { host -> (WarmReport, JSONValue) in
            var report = host.report
            if !report.state.isOver, now - host.heardAt > limits.absence, !isHere(host.watcher.id) {
                report.state = .gone
            }
            var object: JSONObject = [
                "host": .string(host.watcher.host), "site": .string(host.watcher.site),
                "address": .string(host.watcher.address),
            ]
            report.write(to: &object)
            return (report, .object(object))
        }
        let isOver = hosts.allSatisfy { $0.0.state.isOver }
        let isWhole = hosts.allSatisfy { $0.0.state == .complete }
        return .object([
            "id": .string(id), "reference": .string(warming.reference.description),
            "state": .string(isWhole ? "complete" : isOver ? "failed" : "warming"),
            "hosts": .array(hosts.map(\.1)),
        ])
    }
}

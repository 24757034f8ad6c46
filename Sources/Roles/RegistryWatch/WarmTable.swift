import JSON
import Registry

/// How far a host is with what it was told to warm.
package struct WarmReport: Sendable, Hashable {
    package enum State: String, Sendable, CaseIterable {
        /// It has not said anything yet.
        case waiting
        case resolving, fetching, complete, failed
        /// It went away before it was done.
        case gone

        package var isOver: Bool { self == .complete || self == .failed || self == .gone }
    }

    package var state: State
    /// Bytes.
    package var done: Int64
    package var total: Int64
    /// Why it failed; empty otherwise.
    package var detail: String

    package init(state: State, done: Int64 = 0, total: Int64 = 0, detail: String = "") {
        self.state = state
        self.done = done
        self.total = total
        self.detail = detail
    }

    package static let mostDetail = 500

    /// Nil for what is no report of an agent.
    package init?(_ value: JSONValue) {
        guard let state = value["state"]?.stringValue.flatMap({ State(rawValue: $0) }), state != .gone,
            case .integer(let done)? = value["done"], case .integer(let total)? = value["total"], done >= 0, total >= 0
        else { return nil }
        self.init(
            state: state, done: done, total: total,
            detail: String((value["detail"]?.stringValue ?? "").prefix(Self.mostDetail)))
    }

    /// Adds it to a document.
    package func write(to object: inout JSONObject) {
        object["state"] = .string(state.rawValue)
        object["done"] = .integer(done)
        object["total"] = .integer(total)
        if !detail.isEmpty { object["detail"] = .string(detail) }
    }
}

/// What hosts were told to warm, and how far they are. Pure: times are seconds of a monotonic clock.
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
    /// The oldest first.
    private var order: [String] = []
    private var hosts = 0

    package init(_ limits: WatchLimits) { self.limits = limits }

    /// The oldest go where there are too many.
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

    /// - Returns: false where no such host was told, or not any more.
    package mutating func report(_ report: WarmReport, of watcher: String, on id: String, now: Double) -> Bool {
        guard let before = warmings[id]?.hosts[watcher]?.report else { return false }
        // What is over stays so, whatever comes late.
        guard !before.state.isOver else { return true }
        warmings[id]?.hosts[watcher]?.report = report
        warmings[id]?.hosts[watcher]?.heardAt = now
        return true
    }

    package func reference(of id: String) -> Reference? { warmings[id]?.reference }

    /// Nil for a warming that is not known.
    /// - Parameter isHere: whether an agent still keeps a request here.
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

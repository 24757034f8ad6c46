import Fleet
import FleetLink
import FleetStore

/// The targets and caches of a job, from a class and an order.
struct ResolvedTargets: Sendable {
    /// In the order of their ids, as `caches`.
    var targets: [NodeID] = []
    var caches: [NodeID] = []
    /// Number of targets that would refuse, by the key that forbids it.
    var refusals: [String: Int64] = [:]
    var away: Int64 = 0
}

extension ControlCore {
    /// - Parameter expressions: narrow the class's targets.
    func resolve(
        _ settings: FleetClass, to expressions: [String], sender: NodeID, bytes: Int64? = nil
    ) throws(LinkRefusal) -> ResolvedTargets {
        var narrowing: [Selection] = []
        for text in expressions {
            do throws(SelectionProblem) { narrowing.append(try Selection.given(text)) } catch {
                throw LinkRefusal(422, "selection", "'\(text)' is no expression: \(error)")
            }
        }
        let narrowed = narrowing.isEmpty ? nil : Selections(narrowing)
        let seats = roster.withLock { $0.seats.values.map { ($0.record, $0.isAway) } }
        var resolved = ResolvedTargets()
        for (record, isAway) in seats where record.state == .active || record.state == .drained {
            guard record.id != sender else { continue }
            let facts = record.selectable
            if settings.targets.selects(facts), narrowed?.selects(facts) ?? true {
                resolved.targets.append(record.id)
                if isAway { resolved.away += 1 }
                if let key = PolicyForecast.refusal(of: record.facts.policy, settings, bytes: bytes) {
                    resolved.refusals[key, default: 0] += 1
                }
            } else if settings.caches.selects(facts), record.facts.policy.caches {
                resolved.caches.append(record.id)
            }
        }
        resolved.targets.sort()
        resolved.caches.sort()
        return resolved
    }

    /// Whether a class permits a node to send.
    static func maySend(_ settings: FleetClass, node: NodeRecord) -> Bool {
        settings.senders.contains { $0 == "node:\(node.name)" || $0 == "node:\(node.id)" || $0 == "node:*" }
    }

    func fleetClass(_ name: String) async throws(LinkRefusal) -> (record: ClassRecord, settings: FleetClass) {
        let known = classes.withLock { $0[name] }
        let record: ClassRecord?
        if let known {
            record = known
        } else {
            record = try await linked { () throws(StoreError) in try await store.fleetClass(name) }
        }
        guard let record else {
            throw LinkRefusal(
                404, "no_class", "there is no class '\(name)'",
                advice: "swoop fleet class list shows those that there are")
        }
        do { return (record, try record.settings()) } catch {
            throw LinkRefusal(500, "class_damaged", "the class '\(name)' cannot be read: \(error)")
        }
    }

    /// Notes a job of this or another control, after which new ones are to sort.
    func noteJob(_ id: String) {
        guard let millis = UInt64(id.dropFirst().prefix(11), radix: 16) else { return }
        state.withLock { $0.newestJob = max($0.newestJob, millis) }
    }

    /// A new id. Ids sort by their creation, also when the clock was set back meanwhile: a later job replaces an earlier one.
    func newJobID() -> String {
        let clock = UInt64(max(0, now() * 1000))
        let millis = state.withLock { state in
            state.newestJob = max(clock, state.newestJob + 1)
            return state.newestJob
        }
        let text = String(millis, radix: 16)
        let digits = String(repeating: "0", count: max(0, 11 - text.utf8.count)) + text
        return "j\(digits)" + Self.random(4).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}

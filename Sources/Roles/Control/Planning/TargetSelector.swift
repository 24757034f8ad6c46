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

/// Decides which nodes a job is for, and which of them switch together. Owns nothing: it looks at the nodes as they
/// are.
struct TargetSelector: Sendable {
    let nodes: Nodes

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
        var resolved = ResolvedTargets()
        for (record, isAway) in nodes.members where record.state == .active || record.state == .drained {
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

    /// Which target switches in which wave.
    func waves(_ targets: [NodeID], sizes: [WaveSize], job: String) -> [[NodeID]] {
        let records = nodes.records(of: targets)
        let candidates = targets.map { id in
            let labels = records[id]?.selectable.labels
            return WavePlan.Candidate(node: id, site: labels?["site"] ?? "", isCanary: labels?["canary"] != nil)
        }
        return WavePlan(candidates, sizes: sizes, job: job).waves.map { $0.map { targets[$0] } }
    }
}

import Fleet
import FleetStore
import JSON

/// Remembers which jobs have been reported as late or at risk, so that each is reported once. Pure.
struct LatenessBook: Sendable {
    private var said: [String: Set<Arrival.Verdict>] = [:]

    /// - Returns: whether this verdict has not been reported for the job yet.
    mutating func isNew(_ job: String, _ verdict: Arrival.Verdict) -> Bool {
        said[job, default: []].insert(verdict).inserted
    }

    mutating func keep(_ jobs: Set<String>) { said = said.filter { jobs.contains($0.key) } }
}

extension ControlCore {
    /// Reports jobs with a deadline that some targets will miss or may miss, once each.
    func findLate(_ now: Double) async {
        let (leads, facts) = jobs.withLock { ($0.leads, $0.facts) }
        lateness.withLock { $0.keep(Set(leads.keys)) }
        for (id, lead) in leads {
            guard let record = facts[id]?.record, record.deadline != nil,
                let machine = await lead.snapshot?.machine, !machine.state.hasEnded
            else { continue }
            let board = figures.withLock { $0.jobs[id] ?? [:] }
            var found: [Arrival.Verdict: [NodeID]] = [:]
            for target in machine.targets where !target.state.hasEnded {
                let verdict = arrival(of: target, record, board[target.node], at: now).verdict
                if verdict == .late || verdict == .atRisk { found[verdict, default: []].append(target.node) }
            }
            for (verdict, nodes) in found where lateness.withLock({ $0.isNew(id, verdict) }) {
                let names = roster.withLock { roster in
                    nodes.prefix(20).map { roster[$0]?.record.name ?? $0.description }
                }
                await say(
                    verdict == .late ? "job.late" : "job.at_risk", id,
                    .object([
                        "class": .string(record.className), "targets": .integer(Int64(nodes.count)),
                        "nodes": .array(names.map(JSONValue.string)),
                        "help": .string(
                            "raise limits, open the windows, name caches at the site, or move the deadline"),
                    ]), at: now)
            }
        }
    }

    /// Records an event for people. All event streams and webhooks get it.
    func say(_ action: String, _ subject: String, _ doc: JSONValue, at now: Double) async {
        do throws(StoreError) {
            try await store.note(action, subject, doc, by: .control(at: now), audited: false)
        } catch {
            logger.warning("something was not said", metadata: ["action": "\(action)", "error": "\(error)"])
        }
    }
}

import Fleet
import FleetStore
import JSON
import Synchronization

/// Looks for jobs whose deadline some targets will miss, or may miss, and says so to people. Owns the ``LatenessBook``:
/// what was said. Of several controls, and after a restart, a lease keeps the word from being said twice.
final class Lateness: Sendable {
    private let database: ControlDatabase
    private let nodes: Nodes
    private let open: OpenJobs
    private let figures: Figures
    private let views: JobViews
    private let cluster: ControlCluster
    /// This control's id.
    private let control: String
    private let book = Mutex(LatenessBook())

    /// Seconds in which who wants to say something says it, and for which nobody says the same of a job again.
    private static let (turn, silence) = (60.0, 400 * 86_400.0)

    init(
        _ database: ControlDatabase, _ nodes: Nodes, _ open: OpenJobs, _ figures: Figures, _ views: JobViews,
        _ cluster: ControlCluster, control: String
    ) {
        self.database = database
        self.nodes = nodes
        self.open = open
        self.figures = figures
        self.views = views
        self.cluster = cluster
        self.control = control
    }

    /// Reports jobs with a deadline that some targets will miss or may miss, once each.
    func find(_ now: Double) async {
        let (leads, facts) = open.leadsAndFacts
        book.withLock { $0.keep(Set(leads.keys)) }
        for (id, lead) in leads {
            guard let record = facts[id]?.record, record.deadline != nil,
                let machine = await lead.snapshot?.machine, !machine.state.hasEnded
            else { continue }
            let board = figures.of(id)
            var found: [Arrival.Verdict: [NodeID]] = [:]
            for target in machine.targets where !target.state.hasEnded {
                // Another control has the figures of its own nodes.
                guard nodes[target.node].map({ cluster.reports($0, at: now) }) ?? true else { continue }
                let verdict = views.arrival(of: target, record, board[target.node], at: now).verdict
                if verdict == .late || verdict == .atRisk { found[verdict, default: []].append(target.node) }
            }
            for (verdict, late) in found
            where book.withLock({ $0.isDue(id, verdict, at: now, again: now + Self.turn) }) {
                // One that was retried may be late once more.
                let word = "\(verdict) \(id) \(machine.reopened ?? 0)"
                guard let isOurs = await lease(word, until: now + Self.turn, now) else {
                    book.withLock { $0.forget(id, verdict) }
                    continue
                }
                // Another control has said it, or is about to. Should it be killed before it does, its lease runs out.
                guard isOurs else { continue }
                let shown = late.prefix(20)
                let known = nodes.names(of: Array(shown))
                let names = shown.map { known[$0] ?? $0.description }
                let isSaid = await database.say(
                    verdict == .late ? "job.late" : "job.at_risk", id,
                    .object([
                        "class": .string(record.className), "targets": .integer(Int64(late.count)),
                        "nodes": .array(names.map(JSONValue.string)),
                        "help": .string(
                            "raise limits, open the windows, name caches at the site, or move the deadline"),
                    ]), at: now)
                if isSaid {
                    book.withLock { $0.isSaid(id, verdict) }
                    _ = await lease(word, until: now + Self.silence, now)
                } else {
                    book.withLock { $0.forget(id, verdict) }
                }
            }
        }
    }

    /// Whether this control may say something until then; nil without the database.
    private func lease(_ word: String, until: Double, _ now: Double) async -> Bool? {
        do throws(StoreError) {
            return try await database.store.lease(word, for: control, until: until, at: now)
        } catch { return nil }
    }
}

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
    /// This control's id.
    private let control: String
    private let book = Mutex(LatenessBook())

    /// Seconds for which nobody says the same of a job again.
    private static let silence = 400 * 86_400.0

    init(
        _ database: ControlDatabase, _ nodes: Nodes, _ open: OpenJobs, _ figures: Figures, _ views: JobViews,
        control: String
    ) {
        self.database = database
        self.nodes = nodes
        self.open = open
        self.figures = figures
        self.views = views
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
                let verdict = views.arrival(of: target, record, board[target.node], at: now).verdict
                if verdict == .late || verdict == .atRisk { found[verdict, default: []].append(target.node) }
            }
            for (verdict, late) in found where book.withLock({ $0.isNew(id, verdict) }) {
                guard await isFirst(id, verdict, now) else { continue }
                let shown = late.prefix(20)
                let known = nodes.names(of: Array(shown))
                let names = shown.map { known[$0] ?? $0.description }
                await database.say(
                    verdict == .late ? "job.late" : "job.at_risk", id,
                    .object([
                        "class": .string(record.className), "targets": .integer(Int64(late.count)),
                        "nodes": .array(names.map(JSONValue.string)),
                        "help": .string(
                            "raise limits, open the windows, name caches at the site, or move the deadline"),
                    ]), at: now)
            }
        }
    }

    /// Whether nobody has said this of a job before.
    private func isFirst(_ job: String, _ verdict: Arrival.Verdict, _ now: Double) async -> Bool {
        do throws(StoreError) {
            return try await database.store.lease(
                "\(verdict) \(job)", for: control, until: now + Self.silence, at: now)
        } catch {
            book.withLock { $0.forget(job, verdict) }
            return false
        }
    }
}

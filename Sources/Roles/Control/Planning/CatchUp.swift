import Fleet
import FleetLink
import FleetStore
import Synchronization

/// Starts jobs for nodes that have returned, or that a class newly selects, and lack the content of the class's last
/// job. Owns the ``CatchUpPlan``, which says whom to try when. Of several controls, the one that has the lease on a
/// class does this.
final class CatchUp: Sendable {
    private let database: ControlDatabase
    private let nodes: Nodes
    private let classes: FleetClasses
    private let planner: JobPlanner
    private let ids: JobIDs
    /// This control's id.
    private let control: String
    private let plan = Mutex(CatchUpPlan())

    init(
        _ database: ControlDatabase, _ nodes: Nodes, _ classes: FleetClasses, _ planner: JobPlanner, _ ids: JobIDs,
        control: String
    ) {
        self.database = database
        self.nodes = nodes
        self.classes = classes
        self.planner = planner
        self.ids = ids
        self.control = control
    }

    /// Brings the nodes of all classes up to date, as far as the sender of a class's last job sends again.
    func run(_ now: Double) async {
        let store = database.store
        for record in classes.all {
            guard let settings = try? record.settings(), settings.catchUp == .latest else { continue }
            do throws(StoreError) {
                if store.engine.isShared {
                    guard try await store.lease("catch-up \(record.name)", for: control, until: now + 60, at: now)
                    else {
                        continue
                    }
                }
                try await bringUpToDate(record, settings, now)
            } catch {
                database.logger.warning(
                    "nodes were not brought up to date", metadata: ["class": "\(record.name)", "error": "\(error)"])
            }
        }
    }

    private func bringUpToDate(_ record: ClassRecord, _ fleetClass: FleetClass, _ now: Double) async throws(StoreError)
    {
        let store = database.store
        let history = try await store.jobs(before: nil, limit: 200, class: record.name)
        guard let (last, since) = try await lastOfAll(history), let sender = nodes[last.sender], !sender.isAway
        else { return }
        var have: Set<NodeID> = [last.sender]
        // Nodes of which a job with the same content has spoken. The newest word counts, and history is newest first.
        var judged: Set<NodeID> = []
        for job in history {
            let isSame = job.content == last.content
            // What some nodes were sent since then is not replaced by what is older.
            let isNewer = job.id > since && (fleetClass.publish == .versions || job.name == last.name)
            guard isSame || isNewer || !job.state.hasEnded else { continue }
            let snapshot = try await store.snapshot(job.id, course: JobCourse())
            if snapshot?.machine == nil, !job.state.hasEnded { return }
            for target in snapshot?.machine?.targets ?? [] {
                let isNewest = isSame && job.state.hasEnded && judged.insert(target.node).inserted
                let counts =
                    !job.state.hasEnded || target.state == .done || isNewest && !Self.neverCame(target.state)
                    || !isSame && target.state.hasContent
                if counts { have.insert(target.node) }
            }
        }
        let candidates = nodes.records { !$0.isAway && $0.record.state == .active }.filter {
            fleetClass.targets.selects($0.selectable) && PolicyForecast.refusal(of: $0.facts.policy, fleetClass) == nil
        }.sorted { $0.id < $1.id }
        let chosen = plan.withLock { [have] in $0.choose(last.id, of: candidates, have: have, at: now) }
        guard !chosen.isEmpty else { return }
        let id = ids.next()
        let order = SendOrder(
            className: record.name, path: last.order.path, exclude: last.order.exclude, name: last.name,
            to: Self.expressions(chosen.map(\.name)), job: id)
        do throws(LinkRefusal) {
            _ = try await planner.plan(
                order, record, fleetClass, sender: last.sender, dryRun: false, by: .control(at: now), id: id,
                catchingUpWith: last.content)
            nodes.tell([(last.sender, .send(job: id))])
            database.logger.info(
                "nodes are brought up to date", metadata: ["class": "\(record.name)", "nodes": "\(chosen.count)"])
        } catch {
            // What is wrong with the order itself will be wrong again.
            if error.status == 503 { plan.withLock { $0.failed(last.id, chosen, at: now) } }
            database.logger.warning(
                "nodes were not brought up to date", metadata: ["class": "\(record.name)", "error": "\(error.text)"])
        }
    }

    /// Whether a job that has ended has not reached a target: it was away, or not in the fleet then. Where a job has
    /// failed, it would fail again: people try it again.
    private static func neverCame(_ state: TargetState) -> Bool {
        state == .expired || state == .superseded || state == .failed(code: "removed")
    }

    /// The job whose content nodes of a class should have: the last one that is done, or what was restored from it on
    /// all of its targets. What was sent to some nodes only is not for the others, unless it was to bring them up to
    /// date.
    /// - Parameter history: of the class, newest first.
    /// - Returns: the job, and the id of the one by which its content became that of all.
    private func lastOfAll(
        _ history: [JobRecord]
    ) async throws(StoreError) -> (last: JobRecord, since: String)? {
        let catchingUp = Act.control(at: 0).who
        let all = history.filter { job in
            job.content != nil && (job.state == .done || job.state == .partly)
                && (job.restores != nil || job.order.to.isEmpty || job.who == catchingUp)
        }
        // A job that brings nodes up to date says nothing new, unless it is all that is left of what it follows.
        let own = all.filter { $0.who != catchingUp }
        let done = own.isEmpty ? all : own
        guard let last = done.first(where: { $0.restores == nil }) else { return nil }
        guard let newest = done.first, let id = newest.restores, let restored = history.first(where: { $0.id == id })
        else { return (last, last.id) }
        func reached(by job: JobRecord) async throws(StoreError) -> Set<NodeID> {
            let targets = try await database.store.snapshot(job.id, course: JobCourse())?.machine?.targets ?? []
            return Set(targets.filter { $0.state == .done }.map(\.node))
        }
        return try await reached(by: newest).isSuperset(of: try await reached(by: last))
            ? (restored, newest.id) : (last, last.id)
    }

    /// Expressions `name in ("a", "b")`, each short enough for ``Selection/longest``.
    static func expressions(_ names: [String]) -> [String] {
        stride(from: 0, to: names.count, by: 40).map { start in
            "name in (" + names[start..<min(start + 40, names.count)].map { "\"\($0)\"" }.joined(separator: ", ") + ")"
        }
    }
}

import Fleet
import FleetStore
import JSON

/// Rollbacks: jobs without a transfer, which make targets publish an earlier version that is still on their disks.
enum RollbackCalls {
    static func ofJob(_ call: APICall) async throws(APIProblem) -> APIReply {
        let job = try await JobCalls.job(call)
        return try await rollBack(call, class: job.className, below: job)
    }

    static func ofClass(_ call: APICall) async throws(APIProblem) -> APIReply {
        let name = try call.path("name")
        try call.checkClass(name)
        return try await rollBack(call, class: name, below: nil)
    }

    /// - Parameter given: the job to roll back; nil for the last job of the class.
    private static func rollBack(
        _ call: APICall, class name: String, below given: JobRecord?
    ) async throws(APIProblem) -> APIReply {
        let members = try call.members(["to", "waves"])
        let to = try members.texts("to", most: 100, bytes: 4096)
        let inWaves = try members.flag("waves") ?? false
        let core = call.core
        let history = try await call.stored { () throws(StoreError) in
            try await core.store.jobs(before: nil, limit: 1000, class: name)
        }
        let visible = history.filter {
            $0.content != nil && ($0.state == .done || $0.state == .partly || $0.id == given?.id)
        }
        guard let gone = given ?? visible.first(where: { $0.restores == nil }) else {
            throw .unknown("job of the class", name)
        }
        // A rollback job is skipped: the content that it published belongs to an earlier job.
        guard let target = visible.first(where: { $0.id < gone.id && $0.restores == nil }), let content = target.content
        else {
            throw APIProblem(409, "no_version", "no job of '\(name)' is done before \(gone.id)")
        }
        do {
            let (record, settings) = try await core.planned(target)
            guard settings.publish == .versions else {
                throw APIProblem(
                    409, "not_versions", "the class '\(name)' keeps no versions: targets have only what they show",
                    advice: "set publish: versions in the class")
            }
            guard try await mayBeKept(history: visible, like: settings, core).contains(target.id) else {
                throw APIProblem(
                    409, "version_gone",
                    "\(target.id) is on no target any more: the class '\(name)' keeps \(settings.keep) versions besides the "
                        + "current one",
                    advice: "send that content again")
            }
            let nodes = try await targets(of: gone, to: to, call)
            guard !nodes.isEmpty else {
                throw APIProblem(422, "no_targets", "no target of \(gone.id) is to be rolled back")
            }
            let now = core.now()
            let id = core.newJobID()
            var job = JobRecord(
                id: id, className: name, classVersion: target.classVersion, order: target.order, sender: target.sender,
                who: call.act.who, name: target.name, priority: 9, made: now)
            job.content = content
            job.restores = target.id
            job.expires = now + settings.course.expires
            job.started = now
            var course = settings.course
            if !inWaves { course.waves = [.percent(100)] }
            let waves = core.waves(nodes, settings, sizes: course.waves, job: id)
            let planned = job
            // As at the start of other jobs: who is away or takes nothing new is not waited for.
            let (gone, drained) = core.roster.withLock { roster in
                (
                    nodes.filter { roster[$0]?.isAway ?? true },
                    nodes.filter { roster[$0]?.record.state == .drained }
                )
            }
            _ = try await call.stored { () throws(StoreError) in try await core.store.add(planned, by: call.act) }
            let moved = try await call.stored { () throws(StoreError) in
                try await core.store.move(id, known: nil, course: course, by: call.act, "job.rollback") {
                    job -> MoveDecision<Bool> in
                    var machine = JobMachine(id: id, waves: waves, course: settings.course, at: now)
                    for node in gone { _ = machine.report(.away, of: node, at: now) }
                    for node in drained { _ = machine.report(.drained, of: node, at: now) }
                    job.machine = machine
                    return .go(true)
                }
            }
            guard let snapshot = moved.value?.snapshot, let machine = snapshot.machine else {
                throw APIProblem.unknown("job", id)
            }
            await core.lead(id, settings).take(snapshot)
            core.keep(snapshot, record, settings)
            core.carryOut(machine.targets.flatMap { machine.orders(of: $0.node) }, of: snapshot, before: nil)
            // Who came back while the job was written did not hear of it.
            await core.bringBack(snapshot)
            return APIReply(
                try await JobCalls.document(snapshot.record, call, full: true), status: 201,
                revision: snapshot.record.revision, location: "/v1/jobs/\(id)")
        } catch let problem as APIProblem { throw problem } catch {
            throw APIProblem(500, "class_damaged", "\(error)")
        }
    }

    /// The jobs whose content some target may still have: each keeps the last versions of a destination, in the order in which
    /// they became current there.
    /// - Parameters:
    ///   - history: jobs that are done, newest first.
    ///   - settings: of the destination.
    private static func mayBeKept(
        history: [JobRecord], like settings: FleetClass, _ core: ControlCore
    ) async throws -> Set<String> {
        var isAlike: [Int: Bool] = [:]
        var versions: [(id: String, isRollback: Bool)] = []
        // A job for some targets says nothing of the others.
        for job in history.reversed() where job.order.to.isEmpty {
            if isAlike[job.classVersion] == nil {
                let other = try await core.planned(job).1
                isAlike[job.classVersion] = other.publish == .versions && other.destination == settings.destination
            }
            if isAlike[job.classVersion] == true { versions.append((job.restores ?? job.id, job.restores != nil)) }
        }
        // A rollback may have been for some of them.
        let all = kept(versions.map { $0.id }, settings.keep)
        let some = kept(versions.filter { !$0.isRollback }.map { $0.id }, settings.keep)
        return all.union(some).union(history.filter { !$0.order.to.isEmpty }.map(\.id))
    }

    private static func kept(_ versions: [String], _ keep: Int) -> Set<String> {
        var kept: [String] = []
        for version in versions {
            kept.removeAll { $0 == version }
            kept.append(version)
            kept = kept.suffix(keep + 1)
        }
        return Set(kept)
    }

    private static func targets(
        of job: JobRecord, to expressions: [String], _ call: APICall
    ) async throws(APIProblem) -> [NodeID] {
        var selections: [Selection] = []
        for text in expressions { if let selection = try NodeCalls.selection(text) { selections.append(selection) } }
        let snapshot = try await call.stored { () throws(StoreError) in
            try await call.core.store.snapshot(job.id, course: JobCourse())
        }
        let narrowed = selections.isEmpty ? nil : Selections(selections)
        let records = call.core.roster.withLock { roster in
            (snapshot?.machine?.targets ?? []).compactMap { target in
                target.state.hasContent ? roster[target.node]?.record : nil
            }
        }
        return records.filter { narrowed?.selects($0.selectable) ?? true }.map(\.id)
    }
}

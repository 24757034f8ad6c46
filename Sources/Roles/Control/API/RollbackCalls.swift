import Fleet
import FleetLink
import FleetStore
import JSON

/// The routes of rollbacks.
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
        let (gone, nodes) = try await shown(of: given, to, history, call)
        // Where that was a rollback, the targets showed what it restored.
        let before = visible.first { $0.id < gone.id }
        guard let target = before?.restores.map({ id in visible.first { $0.id == id } }) ?? before else {
            throw APIProblem(409, "no_version", "no job of '\(name)' is done before \(gone.id)")
        }
        do {
            let (record, settings) = try await core.classes.version(of: target)
            guard settings.publish == .versions else {
                throw APIProblem(
                    409, "not_versions", "the class '\(name)' keeps no versions: targets have only what they show",
                    advice: "set publish: versions in the class")
            }
            guard try await core.rollbacks.mayBeKept(history: visible, like: settings).contains(target.id) else {
                throw APIProblem(
                    409, "version_gone",
                    "\(target.id) is on no target any more: the class '\(name)' keeps \(settings.keep) versions besides the "
                        + "current one",
                    advice: "send that content again")
            }
            guard !nodes.isEmpty else {
                throw APIProblem(422, "no_targets", "no target of \(gone.id) is to be rolled back")
            }
            // What is taken back goes on nowhere else.
            if to.isEmpty, !gone.state.hasEnded { try await end(gone, call) }
            let (id, started) = try await call.stored { () throws(StoreError) in
                try await core.rollbacks.start(target, on: nodes, record, settings, inWaves: inWaves, by: call.act)
            }
            guard let started else { throw APIProblem.unknown("job", id) }
            return APIReply(
                try await JobCalls.document(started.record, call, full: true), status: 201,
                revision: started.record.revision, location: "/v1/jobs/\(id)")
        } catch let problem as APIProblem { throw problem } catch let refusal as LinkRefusal {
            throw APIProblem(refusal)
        } catch {
            throw APIProblem(500, "internal", "\(error)")
        }
    }

    /// - Parameter given: the job to roll back; nil for the newest that any target shows.
    /// - Returns: it, and the targets that show it or may.
    private static func shown(
        of given: JobRecord?, _ to: [String], _ history: [JobRecord], _ call: APICall
    ) async throws(APIProblem) -> (gone: JobRecord, nodes: [NodeID]) {
        if let given { return (given, try await targets(of: given, to: to, call)) }
        let begun = history.filter { $0.content != nil && $0.restores == nil && $0.state != .planned }
        for job in begun.prefix(mostTried) {
            let nodes = try await targets(of: job, to: to, call)
            if !nodes.isEmpty { return (job, nodes) }
        }
        guard let newest = begun.first else { throw .unknown("job of the class", try call.path("name")) }
        return (newest, [])
    }

    /// Jobs of a class that no target shows, after which it is given up to look for one.
    private static let mostTried = 50

    private static func end(_ job: JobRecord, _ call: APICall) async throws(APIProblem) {
        let lead = try await JobCalls.lead(job, call)
        let act = call.act
        let outcome = try await call.stored { () throws(StoreError) in
            try await lead.move(by: act, "job.cancel") { machine, _ in .go(machine.cancel()) }
        }
        _ = try call.value(of: outcome, "job", job.id)
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
        let targets = (snapshot?.machine?.targets ?? []).filter(\.mayShow).map(\.node)
        let known = call.core.nodes.records(of: targets)
        let records = targets.compactMap { known[$0] }
        return records.filter { narrowed?.selects($0.selectable) ?? true }.map(\.id)
    }
}

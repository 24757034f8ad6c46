import Fleet
import FleetLink
import FleetStore
import JSON
import Text

/// The routes of jobs.
enum JobCalls {
    static func list(_ call: APICall) async throws(APIProblem) -> APIReply {
        let (limit, after) = (try call.limit(), try call.after())
        let state = try call.choice("state", JobState.self)
        let name = call.query("class")
        let sort = try call.word("sort", of: ["-created", "created"])
        let core = call.core
        var found: [JobRecord] = []
        var before = after
        // Jobs that the caller may not see are left out.
        while found.count <= limit {
            let page = try await call.stored { [before] () throws(StoreError) in
                try await core.store.jobs(
                    before: before, limit: limit + 1, class: name, state: state, oldestFirst: sort == "created")
            }
            found += page.filter { call.context.sees($0.className) }
            guard page.count > limit else { break }
            before = page.last?.id
        }
        var items: [JSONValue] = []
        for job in found.prefix(limit) { items.append(try await document(job, call, full: false)) }
        return .list(items, next: found.count > limit ? found[limit - 1].id : nil)
    }

    static func show(_ call: APICall) async throws(APIProblem) -> APIReply {
        let job = try await job(call)
        if !job.state.hasEnded { call.core.views.watch(job.id) }
        return APIReply(try await document(job, call, full: true), revision: job.revision)
    }

    /// - Parameter full: with counts and rates even if the job has ended, and with its waves.
    static func document(_ job: JobRecord, _ call: APICall, full: Bool) async throws(APIProblem) -> JSONValue {
        let core = call.core
        let view = try await call.stored { () throws(StoreError) in
            full || !job.state.hasEnded ? try await core.views.view(of: job) : nil
        }
        let machine = full ? await core.jobs.lead(job.id)?.snapshot?.machine : nil
        let sender = core.nodes.name(of: job.sender)
        return Documents.job(job, view: view, sender: sender, machine: machine)
    }

    static func job(_ call: APICall) async throws(APIProblem) -> JobRecord {
        let id = try call.path("id")
        let job = try await call.stored { () throws(StoreError) in try await call.core.store.job(id) }
        guard let job, call.context.sees(job.className) else { throw .unknown("job", id) }
        return job
    }

    // MARK: Sending

    static func create(_ call: APICall) async throws(APIProblem) -> APIReply {
        let members = try call.members([
            "class", "node", "path", "exclude", "name", "to", "at", "deadline", "priority", "dry_run",
        ])
        let name = try members.needed("class", most: 63)
        try call.checkClass(name)
        let node = try members.needed("node", most: 63)
        let core = call.core
        guard let seat = core.nodes.seat(node) else {
            throw APIProblem(422, "no_node", "there is no node '\(DisplayName.escape(node))' to send from")
        }
        guard !seat.record.facts.policy.sendRoots.isEmpty else {
            throw APIProblem(
                422, "send.roots", "'\(seat.record.name)' sends nothing: its own file has no send.roots",
                advice: "set send.roots in its agent.yaml")
        }
        let dryRun = try members.flag("dry_run") ?? false
        let id = core.ids.next()
        let order = SendOrder(
            className: name, path: try members.needed("path", most: 4096),
            exclude: try members.texts("exclude", most: 100), name: try members.text("name", most: 255),
            to: try members.texts("to", most: 100, bytes: 4096), at: try members.text("at", most: 64),
            deadline: try members.text("deadline", most: 64), priority: try members.number("priority", in: 0...9),
            job: dryRun ? nil : id)
        guard order.path.hasPrefix("/") else { throw .invalid("path", "is absolute") }
        do throws(LinkRefusal) {
            let (record, settings) = try await core.classes.newest(name)
            guard maySend(settings, call) else {
                throw LinkRefusal(
                    403, "sender", "the class '\(name)' does not let this token send",
                    advice: "add role:NAME or token:NAME to the class's senders")
            }
            let plan = try await core.planner.plan(
                order, record, settings, sender: seat.record.id, dryRun: dryRun, by: call.act, id: id)
            guard !dryRun else { return APIReply(plan.json) }
            core.nodes.tell([(seat.record.id, .send(job: id))])
        } catch { throw APIProblem(error.status == 404 ? unprocessable(error) : error) }
        let job = try await call.stored { () throws(StoreError) in try await core.store.job(id) }
        guard let job else { throw .unknown("job", id) }
        return APIReply(
            try await document(job, call, full: true), status: 201, revision: job.revision, location: "/v1/jobs/\(id)")
    }

    private static func unprocessable(_ refusal: LinkRefusal) -> LinkRefusal {
        LinkRefusal(422, refusal.code, refusal.text, advice: refusal.advice)
    }

    private static func maySend(_ settings: FleetClass, _ call: APICall) -> Bool {
        if call.context.may(FleetRoles.admin) { return true }
        let name = call.context.caller?.name ?? ""
        return settings.senders.contains { sender in
            if sender == name { return true }
            guard sender.hasPrefix("role:"), let role = FleetRoles.named(String(sender.dropFirst(5))) else {
                return false
            }
            return call.context.may(role)
        }
    }

    // MARK: Orders

    static func order(
        _ action: String,
        _ body: @escaping @Sendable (inout JobMachine, Double) -> (orders: [JobMachine.Order], refusal: String?)
    ) -> @Sendable (APICall) async throws(APIProblem) -> APIReply {
        { call async throws(APIProblem) in
            let job = try await job(call)
            let core = call.core
            let expecting = call.request.headers[.ifMatch] == nil ? nil : try call.ifMatch()
            _ = try call.members([])
            guard job.course != nil else {
                guard action == "job.cancel" else {
                    throw APIProblem(409, "not_running", "the job does not run: it is \(job.state.rawValue)")
                }
                if let expecting, expecting != job.revision { throw .stale(job.revision) }
                return try await cancelPlanned(job, call)
            }
            let lead = try await lead(job, call)
            let (act, now) = (call.act, core.now())
            let outcome = try await call.stored { () throws(StoreError) in
                try await lead.move(expecting: expecting, by: act, action) { machine, record in
                    let before = machine
                    let (orders, refusal) = body(&machine, now)
                    if let refusal, machine == before, orders.isEmpty { return .refused(code: "state", refusal) }
                    if machine.expires != before.expires { record.expires = machine.expires }
                    return .go(orders)
                }
            }
            let moved = try call.value(of: outcome, "job", job.id)
            // Memory has let go of the job when it ended, or may have meanwhile.
            if job.state.hasEnded, !moved.record.state.hasEnded { await core.loader.refresh(job.id) }
            return APIReply(
                try await document(moved.record, call, full: true), revision: moved.record.revision)
        }
    }

    /// The lead of a job, also of one that has ended, for `retry`.
    static func lead(_ job: JobRecord, _ call: APICall) async throws(APIProblem) -> JobLead {
        let core = call.core
        if let lead = core.jobs.lead(job.id), await lead.snapshot != nil { return lead }
        do throws(LinkRefusal) {
            let (record, settings) = try await core.classes.version(of: job)
            let lead = core.loader.lead(job.id, settings)
            let snapshot = try await core.database.linked { () throws(StoreError) in try await lead.refresh() }
            if let snapshot { core.loader.keep(snapshot, record, settings) }
            return lead
        } catch { throw APIProblem(error) }
    }

    private static func cancelPlanned(_ job: JobRecord, _ call: APICall) async throws(APIProblem) -> APIReply {
        let core = call.core
        let done: Bool
        do throws(LinkRefusal) {
            done = try await core.planned.cancel(job, by: call.act)
        } catch { throw APIProblem(error) }
        guard done else { throw APIProblem(409, "state", "the job is over") }
        core.nodes.tell([(job.sender, .cancel(job: job.id))])
        let now = try await call.stored { () throws(StoreError) in try await core.store.job(job.id) } ?? job
        return APIReply(try await document(now, call, full: true), revision: now.revision)
    }

    // MARK: Targets and receipts

    static func targets(_ call: APICall) async throws(APIProblem) -> APIReply {
        let job = try await job(call)
        let (limit, after) = (try call.limit(), try call.after())
        let state = try call.word("state", of: TargetState.names)
        let sort = try call.word("sort", of: ["node", "name", "attention"])
        let selection = try NodeCalls.selection(call.query("select"))
        let core = call.core
        let snapshot = try await call.stored { () throws(StoreError) in try await core.views.snapshot(of: job) }
        let isTimed = sort == "attention"
        let now = core.now()
        core.views.watch(job.id)
        let board = core.figures.of(job.id)
        let records = core.nodes.records(of: (snapshot?.machine?.targets ?? []).map(\.node))
        var found: [(key: String, item: JSONValue)] = []
        for target in snapshot?.machine?.targets ?? [] {
            if let state, target.state.name != state { continue }
            if let selection, !(records[target.node].map { selection.selects($0.selectable) } ?? false) { continue }
            let arrival = core.views.arrival(of: target, job, board[target.node], at: now)
            let rank =
                !isTimed
                ? sort == "name" ? (records[target.node]?.name ?? "") + "\u{1}" : ""
                : arrival.verdict == .late ? "0" : arrival.verdict == .atRisk ? "1" : target.state.isFailure ? "2" : "3"
            found.append(
                (
                    rank + target.node.description,
                    Documents.target(
                        target, shown: snapshot?.machine?.shown(target) ?? target.state,
                        detail: snapshot?.details[target.node], name: records[target.node]?.name,
                        figure: board[target.node], arrival: arrival, size: job.content?.bytes ?? 0)
                ))
        }
        found.sort { $0.key < $1.key }
        let rest = after.map { after in found.drop { $0.key <= after } } ?? found[...]
        return .list(
            rest.prefix(limit).map(\.item), next: rest.count > limit ? rest.prefix(limit).last?.key : nil,
            total: found.count)
    }

    static func receipts(_ call: APICall) async throws(APIProblem) -> APIReply {
        let job = try await job(call)
        let (limit, after) = (try call.limit(), try call.after())
        let cursor = after.map { after -> (node: String, attempt: Int) in
            let parts = after.split(separator: ".", maxSplits: 1)
            return (String(parts.first ?? ""), parts.count > 1 ? Int(parts[1]) ?? 0 : .max)
        }
        let page = try await call.stored { () throws(StoreError) in
            try await call.core.store.receipts(of: job.id, after: cursor, limit: limit + 1)
        }
        let shown = page.prefix(limit)
        let names = call.core.nodes.names(of: shown.map(\.node))
        return .list(
            shown.map { Documents.receipt($0, node: names[$0.node]) },
            next: page.count > limit ? shown.last.map { "\($0.node).\($0.attempt)" } : nil)
    }
}

import Fleet
import FleetLink
import FleetStore

/// Takes orders to send: checks them against the class and the nodes, and stores the job that its sender then hashes.
/// Owns nothing.
struct JobPlanner: Sendable {
    let database: ControlDatabase
    let admission: NodeAdmission
    let classes: FleetClasses
    let selector: TargetSelector
    let ids: JobIDs
    let planned: PlannedJobs

    /// The order of a node, or the beginning of what it was ordered to send.
    func plan(_ order: SendOrder, dryRun: Bool, by node: LinkCaller) async throws(LinkRefusal) -> SendPlan {
        let sender = try admission.active(node)
        let who = order.user.map { "\($0)@\(sender.name)" } ?? "node:\(sender.name)"
        if let job = order.job { return try await take(job, by: node.node) }
        let (record, settings) = try await classes.newest(order.className)
        guard Self.maySend(settings, node: sender) else {
            throw LinkRefusal(
                403, "sender", "the class '\(record.name)' does not let '\(sender.name)' send",
                advice: "add node:\(sender.name) to the class's senders")
        }
        return try await plan(
            order, record, settings, sender: node.node, dryRun: dryRun,
            by: Act(who: who, address: node.address.host, at: database.now()))
    }

    /// The same for a sender that has been authorized, such as for an order over the API.
    func plan(
        _ order: SendOrder, _ record: ClassRecord, _ settings: FleetClass, sender: NodeID, dryRun: Bool, by act: Act,
        id: String? = nil, catchingUpWith content: JobContent? = nil
    ) async throws(LinkRefusal) -> SendPlan {
        let resolved = try selector.resolve(settings, to: order.to, sender: sender)
        guard !resolved.targets.isEmpty else {
            throw LinkRefusal(
                422, "no_targets",
                "the class '\(record.name)' selects no node beside the sender\(order.to.isEmpty ? "" : " that --to selects")",
                advice: "swoop fleet node list --select EXPR shows what an expression selects")
        }
        for text in [order.at, order.deadline, settings.deadline].compactMap(\.self) {
            guard DeadlineText.moment(text, from: act.at) != nil else {
                throw LinkRefusal(422, "time", "'\(text)' is no time: write 6h, or 2026-12-01T06:00:00Z")
            }
        }
        let name = order.name ?? String(order.path.split(separator: "/").last ?? "")
        guard Self.isFileName(name) else {
            throw LinkRefusal(
                422, "name", "the content needs a name without '/', at most 255 bytes", advice: "add --name")
        }
        guard !dryRun else { return Self.plan("", record, resolved) }
        var job = JobRecord(
            id: id ?? ids.next(), className: record.name, classVersion: record.version, order: order, sender: sender,
            who: act.who, name: name, priority: Int(clamping: order.priority ?? Int64(settings.priority)), made: act.at)
        job.state = id == nil ? .hashing : .planned
        job.deadline = (order.deadline ?? settings.deadline).flatMap { DeadlineText.moment($0, from: act.at) }
        job.expires = act.at + settings.course.expires
        job.content = content
        _ = try await database.linked { [job] () throws(StoreError) in try await database.store.add(job, by: act) }
        return Self.plan(job.id, record, resolved)
    }

    /// The sender begins to hash the content of a job that was ordered over the API.
    private func take(_ id: String, by node: NodeID) async throws(LinkRefusal) -> SendPlan {
        let job = try await planned.job(id, of: node)
        let (record, settings) = try await classes.version(of: job)
        let resolved = try selector.resolve(settings, to: job.order.to, sender: node)
        let begins = try await planned.change(job) { record in
            guard record.state == .planned || record.state == .hashing, record.course == nil else { return false }
            record.state = .hashing
            return true
        }
        guard begins else { throw LinkRefusal(409, "not_planned", "the job runs already, or has ended") }
        return Self.plan(id, record, resolved)
    }

    private static func plan(_ job: String, _ record: ClassRecord, _ resolved: ResolvedTargets) -> SendPlan {
        SendPlan(
            job: job, classVersion: Int64(record.version),
            terms: JSONTerms(doc: record.doc, name: record.name).forSender,
            targets: Int64(resolved.targets.count), caches: Int64(resolved.caches.count),
            refusals: resolved.refusals, away: resolved.away)
    }

    /// Whether a class permits a node to send.
    private static func maySend(_ settings: FleetClass, node: NodeRecord) -> Bool {
        settings.senders.contains { $0 == "node:\(node.name)" || $0 == "node:\(node.id)" || $0 == "node:*" }
    }

    private static func isFileName(_ name: String) -> Bool {
        (1...255).contains(name.utf8.count) && name != "." && name != ".."
            && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
    }
}

import Fleet
import FleetLink
import FleetStore
import Hashing
import JSON
import Text

extension ControlCore {
    package func plan(
        _ order: SendOrder, dryRun: Bool, by node: LinkCaller
    ) async throws(LinkRefusal) -> SendPlan {
        let sender = try active(node)
        let who = order.user.map { "\($0)@\(sender.name)" } ?? "node:\(sender.name)"
        if let job = order.job { return try await take(job, by: node.node) }
        let (record, settings) = try await fleetClass(order.className)
        guard Self.maySend(settings, node: sender) else {
            throw LinkRefusal(
                403, "sender", "the class '\(record.name)' does not let '\(sender.name)' send",
                advice: "add node:\(sender.name) to the class's senders")
        }
        return try await plan(
            order, record, settings, sender: node.node, dryRun: dryRun,
            by: Act(
                who: who, address: node.address.host, at: now()))
    }

    /// The same for a sender that has been authorized, such as for an order over the API.
    func plan(
        _ order: SendOrder, _ record: ClassRecord, _ settings: FleetClass, sender: NodeID, dryRun: Bool, by act: Act,
        id: String? = nil, catchingUpWith content: JobContent? = nil
    ) async throws(LinkRefusal) -> SendPlan {
        let resolved = try resolve(settings, to: order.to, sender: sender)
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
        let terms = JSONTerms(doc: record.doc, name: record.name)
        func plan(_ job: String) -> SendPlan {
            SendPlan(
                job: job, classVersion: Int64(record.version), terms: terms.forSender,
                targets: Int64(resolved.targets.count), caches: Int64(resolved.caches.count),
                refusals: resolved.refusals, away: resolved.away)
        }
        guard !dryRun else { return plan("") }
        var job = JobRecord(
            id: id ?? newJobID(), className: record.name, classVersion: record.version, order: order, sender: sender,
            who: act.who, name: name, priority: Int(clamping: order.priority ?? Int64(settings.priority)), made: act.at)
        job.state = id == nil ? .hashing : .planned
        job.deadline = (order.deadline ?? settings.deadline).flatMap { DeadlineText.moment($0, from: act.at) }
        job.expires = act.at + settings.course.expires
        job.content = content
        _ = try await linked { [job] () throws(StoreError) in try await store.add(job, by: act) }
        return plan(job.id)
    }

    /// The sender begins to hash the content of a job that was ordered over the API.
    private func take(_ id: String, by node: NodeID) async throws(LinkRefusal) -> SendPlan {
        let job = try await senders(job: id, node)
        let (record, settings) = try await planned(job)
        let resolved = try resolve(settings, to: job.order.to, sender: node)
        _ = try await change(job) { record in
            guard record.state == .planned || record.state == .hashing else { return false }
            record.state = .hashing
            return true
        }
        return SendPlan(
            job: id, classVersion: Int64(job.classVersion),
            terms: JSONTerms(doc: record.doc, name: record.name).forSender,
            targets: Int64(resolved.targets.count), caches: Int64(resolved.caches.count),
            refusals: resolved.refusals, away: resolved.away)
    }

    package func key(
        for job: String, _ request: KeyRequest, by node: LinkCaller
    ) async throws(LinkRefusal) -> KeyReply {
        let sender = try active(node)
        let now = now()
        let act = Act(who: "node:\(sender.name)", address: node.address.host, at: now)
        let record = try await senders(job: job, node.node)
        guard record.course == nil else { throw await refused(.used, job, by: act) }
        // It was cancelled while the content was read.
        guard !record.state.hasEnded else { throw LinkRefusal(409, KeyRefusal.used.code, KeyRefusal.used.text) }
        // A catch-up job must have the same content as the job before. That the sender has other content now is no offence.
        guard record.content == nil || record.content == request.content else {
            throw LinkRefusal(
                409, KeyRefusal.content.code, "the content is not what the class's last job brought")
        }
        let (_, settings) = try await planned(record)
        let resolved = try resolve(settings, to: record.order.to, sender: node.node, bytes: request.content.bytes)
        guard !resolved.targets.isEmpty else { throw LinkRefusal(422, "no_targets", "no node is left to send to") }
        let key = Self.random(32)
        let bound = OneTimeKey(
            digest: OneTimeKey.digest(of: key),
            binding: KeyBinding(
                job: job, sender: node.node, className: record.className, classVersion: record.classVersion,
                content: request.content, targets: resolved.targets),
            issued: now, lifetime: Double(settings.keyTime))
        guard try await linked({ () throws(StoreError) in try await store.put(bound) }) else {
            throw await refused(.used, job, by: act)
        }
        return KeyReply(
            key: Secret(Hexadecimal.encode(key)), expires: now + bound.lifetime, targets: bound.binding.targets)
    }

    package func start(
        _ job: String, _ request: StartRequest, by node: LinkCaller
    ) async throws(LinkRefusal) -> StartReply {
        let sender = try active(node)
        let now = now()
        let act = Act(who: "node:\(sender.name)", address: node.address.host, at: now)
        let (known, torrent) = try await linked { () throws(StoreError) in
            (try await store.job(job), try await store.metainfo(of: job))
        }
        guard let known else { throw Self.noJob }
        guard let key = Hexadecimal.decode(request.key.value, byteCount: 32) else {
            // Of others than its sender not every nonsense is worth a line.
            guard known.sender == node.node else {
                throw LinkRefusal(409, KeyRefusal.unknown.code, KeyRefusal.unknown.text)
            }
            throw await refused(.unknown, job, by: act)
        }
        guard let torrent else {
            throw LinkRefusal(409, "no_metainfo", "the job's torrent was not put yet: PUT …/jobs/\(job)/metainfo first")
        }
        let (put, wantedContent) = (await Self.content(of: torrent), request.content)
        guard let put, Set(put.infoHashes) == Set(wantedContent.infoHashes), put.files == wantedContent.files,
            put.bytes == wantedContent.bytes
        else {
            throw await refused(.content, job, by: act, "the job's torrent is of other content than its key")
        }
        let (record, settings) = try await planned(known)
        let wanted = KeyBinding(
            job: job, sender: node.node, className: known.className, classVersion: Int(clamping: request.classVersion),
            content: request.content, targets: request.targets)
        let seats = roster.withLock { roster in
            Dictionary(wanted.targets.compactMap { id in roster[id].map { (id, $0) } }) { first, _ in first }
        }
        let waves = waves(wanted.targets, settings, sizes: settings.course.waves, job: job)
        let sealed = try authority.seal(
            Self.derived(from: key, "swarm secret") + Self.derived(from: key, "ticket key"))
        let resolved = try resolve(settings, to: known.order.to, sender: node.node)
        let wantedTargets = Set(wanted.targets)
        let caches = resolved.caches.filter { !wantedTargets.contains($0) }
        let gone = wanted.targets.filter { seats[$0]?.isAway ?? true }
        let drained = wanted.targets.filter { seats[$0]?.record.state == .drained }
        let outcome = try await linked { () throws(StoreError) in
            try await store.start(wanted, with: key, request: request.request, by: act) { job in
                job.record.content = request.content
                job.record.addresses = request.addresses
                job.record.sums = request.sums
                job.record.caches = caches
                job.record.sealed = sealed
                job.record.started = now
                let begins = known.order.at.flatMap { DeadlineText.moment($0, from: known.made) }
                var machine = JobMachine(
                    id: job.record.id, waves: waves, course: settings.course, at: now, begins: begins)
                for node in gone { _ = machine.report(.away, of: node, at: now) }
                for node in drained { _ = machine.report(.drained, of: node, at: now) }
                job.record.expires = machine.expires
                job.machine = machine
            }
        }
        switch outcome {
        case .failure(let refusal): throw LinkRefusal(409, refusal.code, refusal.text)
        case .success(nil):
            if jobs.withLock({ $0.facts[job] }) == nil { await refresh(job: job) }
            return startReply(job, to: node.node)
        case .success(let snapshot?):
            await lead(job, settings).take(snapshot)
            keep(snapshot, record, settings)
            carryOut(
                snapshot.machine.map { machine in machine.targets.flatMap { machine.orders(of: $0.node) } } ?? [],
                of: snapshot, before: nil)
            // Who came back while the job was written did not hear of it.
            await bringBack(snapshot)
            if snapshot.record.state != .planned { await supersede(by: snapshot) }
            return startReply(job, to: node.node)
        }
    }

    private func startReply(_ job: String, to node: NodeID) -> StartReply {
        let facts = jobs.withLock { $0.facts[job] }
        return StartReply(
            secret: facts?.secret, ticket: facts.flatMap { ticket($0, node) }, trackers: settings.trackers)
    }

    /// Which target switches in which wave.
    func waves(_ targets: [NodeID], _ settings: FleetClass, sizes: [WaveSize], job: String) -> [[NodeID]] {
        let records = roster.withLock { roster in targets.map { roster[$0]?.record } }
        let candidates = zip(targets, records).map { id, record in
            let labels = record?.selectable.labels
            return WavePlan.Candidate(node: id, site: labels?["site"] ?? "", isCanary: labels?["canary"] != nil)
        }
        return WavePlan(candidates, sizes: sizes, job: job).waves.map { $0.map { targets[$0] } }
    }

    package func abandon(_ job: String, reason: String, by node: LinkCaller) async throws(LinkRefusal) {
        let known = try await senders(job: job, node.node)
        let done = try await change(known) { record in
            guard !record.state.hasEnded, record.course == nil else { return false }
            record.state = .failed
            record.reason = DisplayName.escape(reason.prefix(bytes: 1000))
            return true
        }
        guard done else { throw LinkRefusal(409, "running", "the job runs already: cancel it instead") }
    }

    // MARK: Parts

    static let noJob = LinkRefusal(404, "no_job", "there is no such job for this node")

    private func active(_ node: LinkCaller) throws(LinkRefusal) -> NodeRecord {
        guard let record = roster.withLock({ $0[node.node]?.record }) else { throw .revoked }
        switch record.state {
        case .active, .drained: return record
        case .pending:
            throw LinkRefusal(
                403, "pending", "an admin has not admitted this host yet",
                advice: "swoop fleet node approve \(record.name)")
        case .cloned: throw .cloned
        case .revoked: throw .revoked
        }
    }

    /// Keeps the refusal of a key that does not come to the store, as the store keeps its own: audited, and told to
    /// webhooks.
    private func refused(
        _ refusal: KeyRefusal, _ job: String, by act: Act, _ text: String? = nil
    ) async -> LinkRefusal {
        let doc = JSONValue.object(["code": .string(refusal.code), "by": .string(act.who)])
        do throws(StoreError) { try await store.note("key.refused", job, doc, by: act) } catch {
            logger.warning("the refusal of a key was not written", metadata: ["job": "\(job)", "error": "\(error)"])
        }
        return LinkRefusal(409, refusal.code, text ?? refusal.text)
    }

    /// The job with this id, if the node is its sender.
    func senders(job id: String, _ node: NodeID) async throws(LinkRefusal) -> JobRecord {
        let known = try await linked { () throws(StoreError) in try await store.job(id) }
        guard let known, known.sender == node else { throw Self.noJob }
        return known
    }

    /// The class in the version of a job.
    func planned(_ job: JobRecord) async throws(LinkRefusal) -> (ClassRecord, FleetClass) {
        let record = try await linked { () throws(StoreError) in
            try await store.fleetClass(job.className, version: job.classVersion)
        }
        do {
            guard let record else { throw Self.noJob }
            return (record, try record.settings())
        } catch {
            throw LinkRefusal(500, "class_damaged", "the class '\(job.className)' cannot be read: \(error)")
        }
    }

    /// Changes a job that has not started yet.
    /// - Returns: the result of `body`: whether it changed the job.
    func change(
        _ job: JobRecord, by act: Act? = nil, _ action: String? = nil,
        _ body: @escaping @Sendable (inout JobRecord) -> Bool
    ) async throws(LinkRefusal) -> Bool {
        let act = act ?? .control(at: now())
        let outcome = try await linked { () throws(StoreError) in
            try await store.move(job.id, known: nil, course: JobCourse(), by: act, action) {
                job -> MoveDecision<Bool> in
                .go(body(&job.record))
            }
        }
        return outcome.value?.result ?? false
    }

    private static func isFileName(_ name: String) -> Bool {
        (1...255).contains(name.utf8.count) && name != "." && name != ".."
            && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
    }
}

import Fleet
import FleetLink
import FleetStore
import JSON
import Text

/// Starts jobs whose content their sender has hashed: gives out a one-time key that is bound to the content and the
/// targets, and starts the job for whoever shows it. Owns nothing: keys and jobs are in the database.
struct JobStarter: Sendable {
    let database: ControlDatabase
    let authority: any FleetAuthority
    let nodes: Nodes
    let admission: NodeAdmission
    let classes: FleetClasses
    let selector: TargetSelector
    let planned: PlannedJobs
    let open: OpenJobs
    let loader: JobLoader
    let supersession: Supersession
    /// Announce URLs of trackers other than those inside controls.
    let trackers: [String]

    // MARK: The key

    func key(for job: String, _ request: KeyRequest, by node: LinkCaller) async throws(LinkRefusal) -> KeyReply {
        let sender = try admission.active(node)
        let now = database.now()
        let act = Act(who: "node:\(sender.name)", address: node.address.host, at: now)
        let record = try await planned.job(job, of: node.node)
        guard record.course == nil else { throw await refused(.used, job, by: act) }
        // It was cancelled while the content was read.
        guard !record.state.hasEnded else { throw LinkRefusal(409, KeyRefusal.used.code, KeyRefusal.used.text) }
        // A catch-up job must have the same content as the job before. That the sender has other content now is no offence.
        guard record.content == nil || record.content == request.content else {
            throw LinkRefusal(
                409, KeyRefusal.content.code, "the content is not what the class's last job brought")
        }
        let settings = try await classes.version(of: record).settings
        let resolved = try selector.resolve(
            settings, to: record.order.to, sender: node.node, bytes: request.content.bytes)
        guard !resolved.targets.isEmpty else { throw LinkRefusal(422, "no_targets", "no node is left to send to") }
        let key = RandomBytes.make(32)
        let bound = OneTimeKey(
            digest: OneTimeKey.digest(of: key),
            binding: KeyBinding(
                job: job, sender: node.node, className: record.className, classVersion: record.classVersion,
                content: request.content, targets: resolved.targets),
            issued: now, lifetime: Double(settings.keyTime))
        guard try await database.linked({ () throws(StoreError) in try await database.store.put(bound) }) else {
            throw await refused(.used, job, by: act)
        }
        return KeyReply(
            key: Secret(Hexadecimal.encode(key)), expires: now + bound.lifetime, targets: bound.binding.targets)
    }

    /// Keeps the refusal of a key that does not come to the store, as the store keeps its own: audited, and told to
    /// webhooks.
    private func refused(
        _ refusal: KeyRefusal, _ job: String, by act: Act, _ text: String? = nil
    ) async -> LinkRefusal {
        let doc = JSONValue.object(["code": .string(refusal.code), "by": .string(act.who)])
        do throws(StoreError) { try await database.store.note("key.refused", job, doc, by: act) } catch {
            database.logger.warning(
                "the refusal of a key was not written", metadata: ["job": "\(job)", "error": "\(error)"])
        }
        return LinkRefusal(409, refusal.code, text ?? refusal.text)
    }

    // MARK: The start

    func start(_ job: String, _ request: StartRequest, by node: LinkCaller) async throws(LinkRefusal) -> StartReply {
        let sender = try admission.active(node)
        let now = database.now()
        let act = Act(who: "node:\(sender.name)", address: node.address.host, at: now)
        let (known, torrent) = try await database.linked { () throws(StoreError) in
            (try await database.store.job(job), try await database.store.metainfo(of: job))
        }
        guard let known else { throw .noJob }
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
        let (put, wantedContent) = (await JobContents.content(of: torrent), request.content)
        guard let put, Set(put.infoHashes) == Set(wantedContent.infoHashes), put.files == wantedContent.files,
            put.bytes == wantedContent.bytes
        else {
            throw await refused(.content, job, by: act, "the job's torrent is of other content than its key")
        }
        let (record, settings) = try await classes.version(of: known)
        let wanted = KeyBinding(
            job: job, sender: node.node, className: known.className, classVersion: Int(clamping: request.classVersion),
            content: request.content, targets: request.targets)
        let absent = nodes.absent(of: wanted.targets)
        let waves = selector.waves(wanted.targets, sizes: settings.course.waves, job: job)
        let sealed = try authority.seal(JobSecrets(key: key).bytes)
        let resolved = try selector.resolve(settings, to: known.order.to, sender: node.node)
        let wantedTargets = Set(wanted.targets)
        let caches = resolved.caches.filter { !wantedTargets.contains($0) }
        let outcome = try await database.linked { () throws(StoreError) in
            try await database.store.start(wanted, with: key, request: request.request, by: act) { job in
                job.record.content = request.content
                job.record.addresses = request.addresses
                job.record.sums = request.sums
                job.record.caches = caches
                job.record.sealed = sealed
                job.record.started = now
                let begins = known.order.at.flatMap { DeadlineText.moment($0, from: known.made) }
                var machine = JobMachine(
                    id: job.record.id, waves: waves, course: settings.course, at: now, begins: begins)
                for node in absent.away { _ = machine.report(.away, of: node, at: now) }
                for node in absent.drained { _ = machine.report(.drained, of: node, at: now) }
                job.record.expires = machine.expires
                job.machine = machine
            }
        }
        switch outcome {
        case .failure(let refusal): throw LinkRefusal(409, refusal.code, refusal.text)
        case .success(nil):
            if open.facts(of: job) == nil { await loader.refresh(job) }
        case .success(let snapshot?):
            await loader.begin(snapshot, record, settings)
            if snapshot.record.state != .planned { await supersession.supersede(by: snapshot) }
        }
        let facts = open.facts(of: job)
        return StartReply(secret: facts?.secret, ticket: facts?.ticket(for: node.node), trackers: trackers)
    }
}

import Fleet
import FleetStore
import Text

extension ControlCore {
    /// Length of a job's sealed data in bytes: 32 for the swarm's secret, 32 for the key of tickets. Both are derived
    /// from the job's one-time key.
    static let sealedLength = 64

    /// Updates a job in memory from the database, as far as that answers.
    func refresh(job id: String) async {
        do throws(StoreError) { try await reload(job: id) } catch {
            logger.warning("a job could not be read", metadata: ["job": "\(id)", "error": "\(error)"])
        }
    }

    /// Updates a job in memory from the database.
    func reload(job id: String) async throws(StoreError) {
        guard let record = try await store.job(id), !record.state.hasEnded else { return await close(id) }
        guard let kept = try await store.fleetClass(record.className, version: record.classVersion) else { return }
        let settings: FleetClass
        do { settings = try kept.settings() } catch {
            logger.error("a class cannot be read", metadata: ["class": "\(record.className)", "error": "\(error)"])
            return
        }
        guard record.course != nil else {
            // A rollback is sent by nobody.
            guard record.order.job != nil, record.restores == nil else { return }
            jobs.withLock { $0.unbegun[id] = record.sender }
            return tell([(record.sender, .send(job: id))])
        }
        let lead = lead(id, settings)
        let wasPaused = await lead.last?.machine?.state == .paused
        guard let snapshot = try await lead.refresh() else { return }
        keep(snapshot, kept, settings)
        carryOut(outstanding(snapshot, wasPaused: wasPaused), of: snapshot, before: nil)
        await bringBack(snapshot)
    }

    /// A job as it stands, of an open job. After a failed write it is read again.
    func standing(_ lead: JobLead) async -> JobSnapshot? {
        if let snapshot = await lead.snapshot { return snapshot }
        await refresh(job: lead.id)
        return await lead.snapshot
    }

    func lead(_ id: String, _ settings: FleetClass) -> JobLead {
        jobs.withLock { jobs in
            if let lead = jobs.leads[id] { return lead }
            let lead = JobLead(id, settings: settings, core: self)
            jobs.leads[id] = lead
            return lead
        }
    }

    /// The lead of an open, running job; nil for others.
    func lead(_ id: String) -> JobLead? { jobs.withLock { $0.leads[id] } }

    /// Stores what is needed for offers in memory.
    func keep(_ snapshot: JobSnapshot, _ kept: ClassRecord, _ settings: FleetClass) {
        let record = snapshot.record
        var (secret, tickets): (Secret?, [UInt8]) = (nil, [])
        if let sealed = record.sealed {
            do {
                let opened = try authority.open(sealed)
                if settings.isolation == .job { secret = Secret(Hexadecimal.encode(opened.prefix(32))) }
                tickets = Array(opened.dropFirst(32))
            } catch {
                logger.error("a job's secret cannot be opened", metadata: ["job": "\(record.id)"])
            }
        }
        let facts = JobTable.Facts(
            record: record, settings: settings, terms: JSONTerms(doc: kept.doc, name: kept.name), secret: secret,
            ticketKey: tickets)
        let nodes = (snapshot.machine?.targets.map(\.node) ?? []) + record.caches
        jobs.withLock { $0.put(facts, nodes: nodes) }
    }

    /// All current orders of a job, for the nodes, as after a restart of control.
    /// - Parameter wasPaused: whether the job was paused when this control looked last.
    private func outstanding(_ snapshot: JobSnapshot, wasPaused: Bool) -> [JobMachine.Order] {
        guard let machine = snapshot.machine else { return [] }
        var orders = machine.targets.flatMap { machine.orders(of: $0.node) }
        if machine.state == .paused {
            orders += machine.targets.filter { !$0.state.hasEnded }.map { .pause($0.node) }
        } else if wasPaused {
            orders += machine.targets.filter { !$0.state.hasEnded }.map { .resume($0.node) }
        }
        return orders
    }

    // MARK: After a change

    /// Queues commands for the orders of a change. If the job has ended, tells all its nodes.
    func carryOut(_ orders: [JobMachine.Order], of job: JobSnapshot, before: JobSnapshot?) {
        let record = job.record
        if before?.record.revision != record.revision { countSharers(job) }
        var commands: [(NodeID, PendingCommand)] = []
        var offered: Set<NodeID> = []
        for order in orders {
            switch order {
            case .offer(let node, let attempt):
                guard offered.insert(node).inserted else { continue }
                if let command = offer(record, to: node, attempt: attempt) { commands.append((node, command)) }
            case .switches(let node, let moment):
                let attempt = job.machine?.target(node)?.attempt ?? 1
                commands.append((node, .switches(job: record.id, attempt: attempt, at: moment)))
            case .cancel(let node): commands.append((node, .cancel(job: record.id)))
            case .pause(let node): commands.append((node, .pause(job: record.id, revision: record.revision)))
            case .resume(let node): commands.append((node, .resume(job: record.id, revision: record.revision)))
            }
        }
        if before.map({ $0.record.state == .planned }) ?? true, record.state != .planned, !record.state.hasEnded,
            record.restores == nil
        {
            for node in record.caches {
                if let command = offer(record, to: node, attempt: 1) { commands.append((node, command)) }
            }
        }
        // Everybody stopped seeding when the job ended. Its sender begins again, told so once each time.
        if before?.record.state.hasEnded ?? true, record.restores == nil, let machine = job.machine,
            let reopened = machine.reopened, !machine.state.hasEnded, machine.state != .paused
        {
            commands.append((record.sender, .resume(job: record.id, revision: Int64(exactly: reopened.rounded()) ?? 0)))
        }
        tell(commands)
        guard record.state.hasEnded, before.map({ !$0.record.state.hasEnded }) ?? true else { return }
        let end = record.state == .cancelled ? PendingCommand.cancel(job: record.id) : .end(job: record.id)
        let nodes = (job.machine?.targets.map(\.node) ?? []) + record.caches + [record.sender]
        tell(nodes.map { ($0, end) })
    }

    /// Counts the nodes that share a site's line, for a class that limits it.
    private func countSharers(_ job: JobSnapshot) {
        guard let machine = job.machine,
            let isLimited = jobs.withLock({ $0.facts[job.record.id].map { $0.settings.limits.site != nil } }), isLimited
        else { return }
        let size = job.record.content?.bytes ?? 0
        let caches = figures.withLock { board in
            let known = board.jobs[job.record.id]
            return job.record.caches.filter { known?[$0]?.figures.done ?? 0 < size }
        }
        let nodes = Set(caches + machine.targets.filter(\.state.usesLine).map(\.node))
        let sharers = roster.withLock { roster in
            nodes.reduce(into: [String: Int]()) { counts, node in
                if let site = roster[node]?.record.site { counts[site, default: 0] += 1 }
            }
        }
        jobs.withLock { $0.put(sharers: sharers, of: job.record.id) }
    }

    /// Nil if the node gets no new jobs.
    private func offer(_ record: JobRecord, to node: NodeID, attempt: Int) -> PendingCommand? {
        guard roster.withLock({ $0[node]?.record.state }) == .active else { return nil }
        return record.restores == nil
            ? .offer(job: record.id, attempt: attempt) : .restore(job: record.id, attempt: attempt)
    }

    /// Removes a job that has ended from memory.
    private func close(_ id: String) async {
        let lead = lead(id)
        let last = await lead?.last
        // The nodes are told first, while the job's data is still in memory.
        if let last, let record = try? await store.job(id) {
            var ended = last
            ended.record = record
            if !last.record.state.hasEnded { carryOut([], of: ended, before: last) }
        }
        jobs.withLock { $0.remove(id) }
        figures.withLock { $0.forget(id) }
        peers.withLock { $0.end(id) }
    }

    /// Removes all jobs that have ended from memory.
    func closeEnded() async {
        for (id, lead) in jobs.withLock({ $0.leads }) {
            if let state = await lead.snapshot?.record.state, state.hasEnded { await close(id) }
        }
    }

    // MARK: Events of nodes

    /// Reports an event of nodes to all open jobs of theirs, to each job once.
    /// - Returns: false if the database did not take all of it.
    @discardableResult
    func report(_ report: JobMachine.Report, of nodes: [NodeID]) async -> Bool {
        var byJob: [String: [NodeID]] = [:]
        jobs.withLock { jobs in
            for node in nodes { for job in jobs.ofNode[node] ?? [] { byJob[job, default: []].append(node) } }
        }
        var isKept = true
        for (id, nodes) in byJob.sorted(by: { $0.key < $1.key }) {
            guard let lead = lead(id), let machine = await standing(lead)?.machine else { continue }
            let reports = nodes.filter { machine.target($0) != nil }.map {
                JobLead.Report(node: $0, attempt: nil, report: report, detail: nil)
            }
            do throws(StoreError) { try await lead.report(reports) } catch {
                isKept = false
                logger.warning(
                    "what happened to nodes was not kept",
                    metadata: ["job": "\(id)", "nodes": "\(nodes.count)", "error": "\(error)"])
            }
        }
        return isKept
    }

    /// Queues all current commands again for a node that has restarted, or that accepts jobs again.
    func tellAgain(_ node: NodeID) async {
        // It may not have heard what it is to send. Who sends it already takes no notice.
        let unbegun = jobs.withLock { jobs in jobs.unbegun.filter { $0.value == node }.map(\.key) }
        tell(unbegun.sorted().map { (node, .send(job: $0)) })
        for id in jobs.withLock({ $0.ofNode[node] ?? [] }).sorted() {
            guard let lead = lead(id), let snapshot = await standing(lead), let machine = snapshot.machine else {
                continue
            }
            carryOut(machine.orders(of: node), of: snapshot, before: snapshot)
            // The node may have been told of the job's revision before.
            let revision = max(snapshot.record.revision, roster.withLock { $0[node]?.record.revision } ?? 0)
            if let target = machine.target(node), !target.state.hasEnded {
                if machine.state == .paused {
                    tell([(node, .pause(job: id, revision: revision))])
                } else if roster.withLock({ $0[node]?.record.state }) == .active {
                    // It may have been paused, and not have heard more. An offer that it had is not told again, so it
                    // is told this as well, after the offer.
                    tell([(node, .resume(job: id, revision: revision))])
                }
            }
            if snapshot.record.caches.contains(node), !machine.state.hasEnded, machine.state != .planned {
                // A cache is paused only where it was drained at once.
                if let command = offer(snapshot.record, to: node, attempt: 1) {
                    tell([(node, command), (node, .resume(job: id, revision: revision))])
                }
            }
        }
    }
}

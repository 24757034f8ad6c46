import Fleet
import FleetStore

/// Brings open jobs from the database into memory, keeps them there as they stand, and removes them when they have
/// ended. Owns nothing: the jobs are in ``OpenJobs``. What happens to a job is decided elsewhere.
final class JobLoader: Sendable {
    private let database: ControlDatabase
    private let authority: any FleetAuthority
    private let nodes: Nodes
    private let open: OpenJobs
    private let dispatcher: JobDispatcher
    private let figures: Figures
    private let swarms: JobSwarms

    init(
        _ database: ControlDatabase, _ authority: any FleetAuthority, _ nodes: Nodes, _ open: OpenJobs,
        _ dispatcher: JobDispatcher, _ figures: Figures, _ swarms: JobSwarms
    ) {
        self.database = database
        self.authority = authority
        self.nodes = nodes
        self.open = open
        self.dispatcher = dispatcher
        self.figures = figures
        self.swarms = swarms
    }

    // MARK: From the database

    /// Loads all open jobs, at the start of control.
    func loadAll() async throws(StoreError) {
        var before: String?
        while true {
            let page = try await database.store.jobs(before: before, limit: 1000, isOpen: true)
            for job in page { await refresh(job.id) }
            guard let last = page.last, page.count == 1000 else { break }
            before = last.id
        }
    }

    /// Updates a job in memory from the database, as far as that answers.
    func refresh(_ id: String) async {
        do throws(StoreError) { try await reload(id) } catch {
            database.logger.warning("a job could not be read", metadata: ["job": "\(id)", "error": "\(error)"])
        }
    }

    /// Updates a job in memory from the database.
    func reload(_ id: String) async throws(StoreError) {
        let store = database.store
        guard let record = try await store.job(id), !record.state.hasEnded else { return await close(id) }
        guard let kept = try await store.fleetClass(record.className, version: record.classVersion) else { return }
        let settings: FleetClass
        do { settings = try kept.settings() } catch {
            database.logger.error(
                "a class cannot be read", metadata: ["class": "\(record.className)", "error": "\(error)"])
            return
        }
        guard record.course != nil else {
            // A rollback is sent by nobody.
            guard record.order.job != nil, record.restores == nil else { return }
            open.putUnbegun(id, sender: record.sender)
            return nodes.tell([(record.sender, .send(job: id))])
        }
        let lead = lead(id, settings)
        let wasPaused = await lead.last?.machine?.state == .paused
        guard let snapshot = try await lead.refresh() else { return }
        keep(snapshot, kept, settings)
        dispatcher.carryOut(outstanding(snapshot, wasPaused: wasPaused), of: snapshot, before: nil)
        await bringBack(snapshot)
    }

    /// Looks for a job that this control does not know: it is over, it was forgotten, or another control has just started
    /// it.
    /// - Returns: nil if it is open; it is known here then. Else what a node is told that still works on it: one that was away when
    ///   its job was cancelled hears that, and its content goes.
    func loadIfOpen(_ id: String) async throws(StoreError) -> PendingCommand? {
        guard let record = try await database.store.job(id) else { return .end(job: id) }
        guard !record.state.hasEnded else { return record.state == .cancelled ? .cancel(job: id) : .end(job: id) }
        try await reload(id)
        return nil
    }

    /// Updates a job that another control may have changed.
    /// - Parameter revision: of the change.
    func follow(_ id: String, revision: Int64) async throws(StoreError) {
        let known = await open.lead(id)?.snapshot?.record
        if let known, known.revision >= revision { return }
        try await reload(id)
    }

    /// A job as it stands, of an open job. After a failed write it is read again.
    func standing(_ lead: JobLead) async -> JobSnapshot? {
        if let snapshot = await lead.snapshot { return snapshot }
        await refresh(lead.id)
        return await lead.snapshot
    }

    // MARK: In memory

    /// The lead of a job, which is made where there is none.
    func lead(_ id: String, _ settings: FleetClass) -> JobLead {
        open.lead(id) {
            JobLead(id, settings: settings, database: database, nodes: nodes, dispatcher: dispatcher)
        }
    }

    /// A job has just been started by this control.
    /// - Parameter kept: its class.
    func begin(_ snapshot: JobSnapshot, _ kept: ClassRecord, _ settings: FleetClass) async {
        await lead(snapshot.record.id, settings).take(snapshot)
        keep(snapshot, kept, settings)
        let orders = snapshot.machine.map { machine in machine.targets.flatMap { machine.orders(of: $0.node) } } ?? []
        dispatcher.carryOut(orders, of: snapshot, before: nil)
        // Who came back while the job was written did not hear of it.
        await bringBack(snapshot)
    }

    /// Stores what is needed for offers in memory.
    func keep(_ snapshot: JobSnapshot, _ kept: ClassRecord, _ settings: FleetClass) {
        let record = snapshot.record
        var secrets: JobSecrets?
        if let sealed = record.sealed {
            do { secrets = JobSecrets(opened: try authority.open(sealed)) } catch {
                database.logger.error("a job's secret cannot be opened", metadata: ["job": "\(record.id)"])
            }
        }
        let facts = JobTable.Facts(
            record: record, settings: settings, terms: JSONTerms(doc: kept.doc, name: kept.name),
            secret: settings.isolation == .job ? secrets?.swarm : nil, ticketKey: secrets?.ticketKey ?? [])
        open.put(facts, nodes: (snapshot.machine?.targets.map(\.node) ?? []) + record.caches)
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

    /// A job that another control started or moved: nodes that it took for away may be here.
    private func bringBack(_ snapshot: JobSnapshot) async {
        guard let machine = snapshot.machine, !machine.state.hasEnded, let lead = open.lead(snapshot.record.id) else {
            return
        }
        let (now, seconds) = (database.now(), nodes.awayAfter)
        let missed = machine.targets.filter { $0.isAway && !$0.state.hasEnded }.map(\.node)
        guard !missed.isEmpty else { return }
        let here = nodes.heardHere(of: missed, at: now, within: seconds)
        guard !here.isEmpty else { return }
        do throws(StoreError) {
            try await lead.report(here.map { JobLead.Report(node: $0, attempt: nil, report: .back, detail: nil) })
        } catch {
            database.logger.warning(
                "nodes were not brought back", metadata: ["job": "\(snapshot.record.id)", "error": "\(error)"])
        }
    }

    // MARK: The end

    /// Removes a job that has ended from memory.
    private func close(_ id: String) async {
        let last = await open.lead(id)?.last
        // The nodes are told first, while the job's data is still in memory.
        if let last, let record = try? await database.store.job(id) {
            var ended = last
            ended.record = record
            if !last.record.state.hasEnded { dispatcher.carryOut([], of: ended, before: last) }
        }
        open.remove(id)
        figures.forget(id)
        swarms.end(id)
    }

    /// Removes all jobs that have ended from memory.
    func closeEnded() async {
        for (id, lead) in open.leads {
            if let state = await lead.snapshot?.record.state, state.hasEnded { await close(id) }
        }
    }
}

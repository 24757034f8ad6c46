import Fleet
import FleetStore

/// The changes of one open job, one after the other. Owns the job as it stands. Simultaneous reports of many nodes
/// share a transaction. What a change is, the job's machine decides; what nodes are told of it, the ``JobDispatcher``.
actor JobLead {
    /// A report of a node, or an event that control found out.
    struct Report: Sendable {
        let node: NodeID
        /// Nil for an event that control found out.
        let attempt: Int?
        let report: JobMachine.Report
        let detail: String?
        /// What the node has received so far.
        var sources = BytesBySource()
    }

    private struct Reported: Sendable {
        let reports: [Report]
        let receipts: [ReceiptRecord]
        let end: CheckedContinuation<StoreError?, Never>
    }

    private enum Work: Sendable {
        case reported(Reported)
        /// The waiter may run now, and calls `endTurn()` afterwards.
        case turn(CheckedContinuation<Void, Never>)
    }

    /// Maximum number of reports and receipts in one transaction.
    private static let most = 4000

    let id: String
    let settings: FleetClass
    private let database: ControlDatabase
    private let nodes: Nodes
    /// Unowned, since it reaches the table of open jobs, which holds this lead. The ``JobLoader`` that makes leads
    /// holds it, and lives as long as the core: nobody calls a lead without one of the two.
    private unowned let dispatcher: JobDispatcher
    /// Nil after a write that failed, until it is read again.
    private(set) var snapshot: JobSnapshot? {
        didSet { last = snapshot ?? last }
    }
    /// The job as it was known last.
    private(set) var last: JobSnapshot?
    private var waiting: [Work] = []
    private var isBusy = false

    init(
        _ id: String, settings: FleetClass, database: ControlDatabase, nodes: Nodes, dispatcher: JobDispatcher
    ) {
        self.id = id
        self.settings = settings
        self.database = database
        self.nodes = nodes
        self.dispatcher = dispatcher
    }

    /// Returns when everything is durable.
    func report(_ reports: [Report], receipts: [ReceiptRecord] = []) async throws(StoreError) {
        guard !reports.isEmpty || !receipts.isEmpty else { return }
        let error = await withCheckedContinuation { continuation in
            waiting.append(.reported(Reported(reports: reports, receipts: receipts, end: continuation)))
            if !isBusy { startNext() }
        }
        if let error { throw error }
    }

    /// Changes the job: an operator's order, or the passing of time.
    func move(
        expecting: Int64? = nil, by act: Act, _ action: String? = nil,
        _ body: @escaping @Sendable (inout JobMachine, inout JobRecord) -> MoveDecision<[JobMachine.Order]>
    ) async throws(StoreError) -> ChangeOutcome<JobSnapshot> {
        await turn()
        defer { endTurn() }
        let outcome: ChangeOutcome<Moved<[JobMachine.Order]>>
        let removed = await nodes.removed(of: (snapshot ?? last)?.machine?.targets.map(\.node) ?? [])
        let before = snapshot
        do throws(StoreError) {
            outcome = try await database.store.move(
                id, known: snapshot, course: settings.course, expecting: expecting, by: act, action
            ) { [resting = nodes.resting(), removed, now = act.at] job in
                guard var machine = job.machine else {
                    return .refused(code: "not_running", "the job does not run yet")
                }
                let decision = body(&machine, &job.record)
                guard case .go(let orders) = decision else { return decision }
                var more: [JobMachine.Order] = []
                // A node that was removed while its target had failed does not come back.
                for node in removed {
                    guard case .waiting? = machine.target(node)?.state else { continue }
                    more += machine.report(.failed(code: "removed", again: false), of: node, at: now)
                }
                // Who takes no new jobs is not waited for.
                let waiting = resting.filter { machine.target($0)?.state == .waiting(.offer) }
                more += waiting.flatMap { machine.report(.drained, of: $0, at: now) }
                job.machine = machine
                return .go(orders + more)
            }
        } catch {
            snapshot = nil
            throw error
        }
        switch outcome {
        case .done(let moved):
            snapshot = moved.snapshot
            dispatcher.carryOut(moved.result, of: moved.snapshot, before: before)
            return .done(moved.snapshot)
        case .unknown: return .unknown
        case .stale(let revision): return .stale(revision: revision)
        case .taken: return .taken
        case .refused(let code, let text): return .refused(code: code, text)
        }
    }

    /// Sets a newer snapshot, from another control or from the start of the job.
    func take(_ snapshot: JobSnapshot) {
        if let known = self.snapshot, known.record.revision >= snapshot.record.revision { return }
        self.snapshot = snapshot
    }

    /// Reads changes from the database.
    func refresh() async throws(StoreError) -> JobSnapshot? {
        await turn()
        defer { endTurn() }
        snapshot = try await database.store.snapshot(id, known: snapshot, course: settings.course)
        return snapshot
    }

    // MARK: Serialization

    private func turn() async {
        guard isBusy else {
            isBusy = true
            return
        }
        await withCheckedContinuation { waiting.append(.turn($0)) }
    }

    private func endTurn() {
        isBusy = false
        if !waiting.isEmpty { startNext() }
    }

    private func startNext() {
        guard let first = waiting.first else { return }
        isBusy = true
        if case .turn(let continuation) = first {
            waiting.removeFirst()
            continuation.resume()
            return
        }
        var group: [Reported] = []
        var count = 0
        while case .reported(let reported)? = waiting.first, count < Self.most {
            group.append(reported)
            count += reported.reports.count + reported.receipts.count
            waiting.removeFirst()
        }
        Task { await self.carryOut(group) }
    }

    private func carryOut(_ group: [Reported]) async {
        let now = database.now()
        let reports = group.flatMap(\.reports)
        let before = snapshot
        var failure: StoreError?
        do throws(StoreError) {
            let outcome = try await database.store.move(
                id, known: snapshot, course: settings.course, by: .control(at: now), receipts: group.flatMap(\.receipts)
            ) { [resting = nodes.resting(reports.map(\.node))] job in
                .go(Self.apply(reports, to: &job, resting: resting, at: now))
            }
            if let moved = outcome.value {
                snapshot = moved.snapshot
                dispatcher.carryOut(moved.result, of: moved.snapshot, before: before)
            }
        } catch {
            snapshot = nil
            failure = error
        }
        for reported in group { reported.end.resume(returning: failure) }
        endTurn()
    }

    private static func apply(
        _ reports: [Report], to job: inout JobSnapshot, resting: Set<NodeID>, at now: Double
    ) -> [JobMachine.Order] {
        guard var machine = job.machine else { return [] }
        var orders: [JobMachine.Order] = []
        for report in reports {
            // A report of an earlier attempt is ignored.
            guard let target = machine.target(report.node), report.attempt.map({ $0 >= target.attempt }) ?? true else {
                continue
            }
            orders += machine.report(report.report, of: report.node, at: now)
            // It takes no new jobs, and is not waited for.
            if resting.contains(report.node), machine.target(report.node)?.state == .waiting(.offer) {
                orders += machine.report(.drained, of: report.node, at: now)
            }
            var detail = job.details[report.node] ?? JobSnapshot.Detail(at: now, revision: 0)
            switch report.report {
            case .failed, .refused, .hookUnknown: detail.text = report.detail
            default: break
            }
            if !report.sources.isEmpty { detail.sources = report.sources }
            job.details[report.node] = detail
        }
        job.machine = machine
        return orders
    }
}

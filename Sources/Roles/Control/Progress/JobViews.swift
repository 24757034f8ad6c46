import Fleet
import FleetLink
import FleetStore

/// The progress of jobs as people see it: counts, rates, expected ends, and why nothing moves. Owns nothing: it puts
/// together the job as it stands, its figures, and what is known of its nodes.
struct JobViews: Sendable {
    let database: ControlDatabase
    let nodes: Nodes
    let open: OpenJobs
    let figures: Figures

    /// The progress of a job, for a node that takes part in it or sends it.
    func view(of job: String, for node: NodeID) async throws(LinkRefusal) -> JobView {
        let record = try await database.linked { () throws(StoreError) in try await database.store.job(job) }
        guard let record else { throw .noJob }
        if record.sender != node, !open.has(node, in: job) {
            // One that has ended is not in memory.
            let ended = try await database.linked { () throws(StoreError) in
                try await database.store.snapshot(job, course: JobCourse())
            }
            guard ended?.machine?.target(node) != nil || record.caches.contains(node) else { throw .noJob }
        }
        // Its sender asks all the time, whether somebody looks or not.
        if record.sender != node { watch(job) }
        return try await database.linked { () throws(StoreError) in try await view(of: record) }
    }

    /// Marks a job as watched. Its nodes are told at once to report their progress.
    func watch(_ job: String) {
        let now = database.now()
        guard figures.watch(job, at: now, until: now + 15) else { return }
        nodes.wake(open.nodes(of: job))
    }

    /// A job as it stands in memory, or in the database if it is not open here; nil if it has not started.
    func snapshot(of job: JobRecord) async throws(StoreError) -> JobSnapshot? {
        if let snapshot = await open.lead(job.id)?.snapshot { return snapshot }
        guard job.course != nil else { return nil }
        return try await database.store.snapshot(job.id, course: JobCourse())
    }

    /// The progress of a job. Uses the snapshot in memory if there is one.
    func view(of record: JobRecord) async throws(StoreError) -> JobView {
        let now = database.now()
        guard let snapshot = try await snapshot(of: record), let machine = snapshot.machine else {
            return JobView(state: record.state, reason: record.reason, targets: 0, counts: [:], bytes: 0, total: 0)
        }
        let size = record.content?.bytes ?? 0
        let board = figures.of(record.id)
        var counts: [String: Int64] = [:]
        var (bytes, down): (Int64, Double) = (0, 0)
        var sources = BytesBySource()
        var lines: [TargetLine] = []
        for target in machine.targets {
            counts[target.state.name, default: 0] += 1
            let figure = board[target.node]
            sources.add(.known(figure, snapshot.details[target.node]))
            // The size is what the sender says.
            let (sum, overflow) = bytes.addingReportingOverflow(
                target.state.hasContent ? size : min(size, figure?.figures.done ?? 0))
            bytes = overflow ? .max : sum
            if !target.state.hasEnded, let figure, now - figure.at < 30 { down += figure.figures.down }
            // Without a deadline nobody is late.
            guard lines.count < 100, target.state.isFailure || record.deadline != nil && !target.state.hasEnded else {
                continue
            }
            let arrival = arrival(of: target, record, figure, at: now)
            if target.state.isFailure || arrival.verdict == .late || arrival.verdict == .atRisk {
                lines.append(line(target, machine.shown(target), snapshot.details[target.node]?.text, arrival))
            }
        }
        let (total, overflow) = size.multipliedReportingOverflow(by: Int64(machine.targets.count))
        return JobView(
            state: machine.state, reason: machine.reason ?? record.reason ?? idle(machine, record, at: now),
            targets: Int64(machine.targets.count),
            counts: counts, bytes: bytes, total: overflow ? .max : total, down: down, sources: sources,
            infoHashes: record.content?.infoHashes ?? [], lines: lines)
    }

    /// Why nothing moves though the job runs: it begins later, or all that have not ended wait.
    private func idle(_ machine: JobMachine, _ record: JobRecord, at now: Double) -> String? {
        if machine.state == .planned { return machine.begins.map { "it begins at \(Timestamp.text($0))" } }
        guard machine.state == .running else { return nil }
        var waiting: [TargetState: Int] = [:]
        for target in machine.targets where !target.state.hasEnded {
            guard case .waiting(let reason) = target.state, reason != .offer, reason != .wave else { return nil }
            waiting[target.state, default: 0] += 1
        }
        guard let (state, count) = waiting.max(by: { ($0.value, $1.key.text) < ($1.value, $0.key.text) }) else {
            return nil
        }
        let advice = state.advice.map { ": \($0)" } ?? ""
        return
            "nothing moves; of \(machine.targets.count) targets \(count) \(count == 1 ? "is" : "are") \(state.name)(\(state.code ?? ""))\(advice)"
    }

    /// - Parameter state: as people see it.
    private func line(
        _ target: JobMachine.Target, _ state: TargetState, _ detail: String?, _ arrival: Arrival
    ) -> TargetLine {
        let name = nodes.name(of: target.node) ?? target.node.description
        let isTimely = arrival.verdict == .unknown || arrival.verdict == .inTime
        let text = [
            state.text, isTimely ? nil : arrival.verdict.rawValue, detail,
        ].compactMap(\.self).joined(separator: "; ")
        return TargetLine(
            node: name, state: state.name, code: state.code, text: text.prefix(bytes: 1000), advice: state.advice)
    }

    /// The expected end of a target's transfer.
    func arrival(
        of target: JobMachine.Target, _ job: JobRecord, _ figure: FigureBoard.Figure?, at now: Double
    ) -> Arrival {
        let size = job.content?.bytes ?? 0
        let remaining = target.state.hasContent ? 0 : max(0, size - (figure?.figures.done ?? 0))
        guard !target.state.hasEnded else {
            return Arrival(remaining: 0, rate: 0, bound: nil, closed: [], deadline: nil, at: now)
        }
        let settings = open.settings(of: job.id)
        let limits = settings?.limits
        let bound = [limits?.down, limits?.site].compactMap(\.self).min().map(Double.init)
        let seat = nodes[target.node]
        let facts = seat?.record.facts
        let windows = WindowSchedule(settings?.windows ?? [], facts?.policy.windows ?? [])
        let rate = target.state == .waiting(.window) ? figure?.moving : figure?.rate
        return Arrival(
            remaining: remaining, rate: rate ?? 0, bound: bound,
            closed: remaining == 0 ? [] : windows.closed(from: now, offset: seat?.utcOffset ?? facts?.utcOffset ?? 0),
            deadline: job.deadline, at: now)
    }
}

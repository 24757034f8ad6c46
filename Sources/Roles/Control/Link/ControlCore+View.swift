import Fleet
import FleetLink
import FleetStore

extension ControlCore {
    package func view(of job: String, for node: LinkCaller) async throws(LinkRefusal) -> JobView {
        let record = try await linked { () throws(StoreError) in try await store.job(job) }
        guard let record else { throw Self.noJob }
        let isOpen = jobs.withLock { $0.ofNode[node.node]?.contains(job) ?? false }
        if record.sender != node.node, !isOpen {
            // One that has ended is not in memory.
            let ended = try await linked { () throws(StoreError) in
                try await store.snapshot(job, course: JobCourse())
            }
            guard ended?.machine?.target(node.node) != nil || record.caches.contains(node.node) else {
                throw Self.noJob
            }
        }
        // Its sender asks all the time, whether somebody looks or not.
        if record.sender != node.node { watch(job) }
        return try await linked { () throws(StoreError) in try await view(of: record) }
    }

    /// Marks a job as watched. Its nodes are told at once to report their progress.
    func watch(_ job: String) {
        let now = now()
        let isNew = figures.withLock { board in
            defer { board.watch(job, until: now + 15) }
            return !board.isWatched(job, at: now)
        }
        guard isNew else { return }
        let nodes = jobs.withLock { $0.nodes[job] ?? [] }
        let parked = roster.withLock { roster in nodes.compactMap { roster.unpark($0) } }
        for parked in parked { parked.resume.resume() }
    }

    /// The progress of a job. Uses the snapshot in memory if there is one.
    package func view(of record: JobRecord) async throws(StoreError) -> JobView {
        let now = now()
        var snapshot = await lead(record.id)?.snapshot
        if snapshot == nil, record.course != nil {
            snapshot = try await store.snapshot(record.id, course: JobCourse())
        }
        guard let snapshot, let machine = snapshot.machine else {
            return JobView(state: record.state, reason: record.reason, targets: 0, counts: [:], bytes: 0, total: 0)
        }
        let size = record.content?.bytes ?? 0
        let board = figures.withLock { $0.jobs[record.id] ?? [:] }
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
            guard lines.count < 100 else { continue }
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
        let name = roster.withLock { $0[target.node]?.record.name } ?? target.node.description
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
        let settings = jobs.withLock { $0.facts[job.id]?.settings }
        let limits = settings?.limits
        let bound = [limits?.down, limits?.site].compactMap(\.self).min().map(Double.init)
        let seat = roster.withLock { $0[target.node] }
        let facts = seat?.record.facts
        let windows = WindowSchedule(settings?.windows ?? [], facts?.policy.windows ?? [])
        let rate = target.state == .waiting(.window) ? figure?.moving : figure?.rate
        return Arrival(
            remaining: remaining, rate: rate ?? 0, bound: bound,
            closed: remaining == 0 ? [] : windows.closed(from: now, offset: seat?.utcOffset ?? facts?.utcOffset ?? 0),
            deadline: job.deadline, at: now)
    }
}

extension ControlCore: LinkService {}

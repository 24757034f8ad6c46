import Fleet
import FleetLink
import FleetStore
import Hashing
import JSON
import Text

extension ControlCore {
    package func sync(_ request: SyncRequest, of caller: LinkCaller) async throws(LinkRefusal) -> SyncReply {
        let id = caller.node
        try await count(request, of: id)
        let now = now()
        let wasAway = roster.withLock { $0.hear(id, at: now, clock: request.time - now) }
        roster.withLock { roster in
            roster.change(id) { seat in
                if request.facts != nil { seat.outbox.forgetTaken() }
                seat.outbox.take(request.taken)
            }
        }
        do throws(LinkRefusal) {
            return try await heard(request, of: id, from: caller.address.host, wasAway: wasAway, at: now)
        } catch {
            // It is said again that the node is back.
            if wasAway { roster.withLock { $0.leave(id) } }
            throw error
        }
    }

    /// Takes in what a node says, and answers when there is something to say.
    private func heard(
        _ request: SyncRequest, of id: NodeID, from address: String, wasAway: Bool, at now: Double
    ) async throws(LinkRefusal) -> SyncReply {
        if let facts = request.facts { try await learn(facts, of: id, from: address, at: now) }
        if let moment = request.moment {
            roster.withLock { roster in
                roster.change(id) { seat in
                    seat.free = moment.free
                    seat.utcOffset = moment.utcOffset
                    seat.tasks = moment.tasks
                }
            }
        }
        await hear(request.figures, of: id, at: now)
        let acknowledged = try await keep(request.events, of: id, at: now)
        if wasAway, await !report(.back, of: [id]) { throw .unavailable }
        if request.facts != nil || wasAway { await tellAgain(id) }
        // Events that are not taken yet come again with the next sync.
        let answersNow = !request.waits || acknowledged > 0
        if !answersNow { await wait(id, from: now) }
        return try await answer(id, acknowledged: acknowledged)
    }

    // MARK: Sequence

    private func count(_ request: SyncRequest, of id: NodeID) async throws(LinkRefusal) {
        if roster.withLock({ $0[id]?.sequence }) == nil {
            let known = try await linked { () throws(StoreError) in try await store.sequence(of: id) }
            roster.withLock { roster in
                roster.change(id) { seat in if seat.sequence == nil { seat.sequence = known ?? SyncSequence() } }
            }
        }
        let next = Hexadecimal.encode(Self.random(16))
        let refusal: SyncSequence.Refusal? = roster.withLock { roster in
            var refusal: SyncSequence.Refusal?
            roster.change(id) { seat in
                var sequence = seat.sequence ?? SyncSequence()
                if let elsewhere = seat.elsewhere, elsewhere.at > seat.heard { sequence.wasElsewhere() }
                do throws(SyncSequence.Refusal) {
                    _ = try sequence.receive(
                        request.number, request: request.request, returning: request.nonce, next: next)
                } catch { refusal = error }
                seat.sequence = sequence
            }
            return refusal
        }
        switch refusal {
        case nil: return
        case .replayed:
            await note("sync.replayed", id, .object(["number": .integer(Int64(clamping: request.number))]))
            throw .replayed
        case .cloned:
            await markCloned(id)
            throw .cloned
        }
    }

    private func note(_ action: String, _ id: NodeID, _ doc: JSONValue) async {
        do throws(StoreError) {
            try await store.note(action, id.description, doc, by: Act(who: "node:\(id)", at: now()))
        } catch {
            logger.warning("a refusal was not written", metadata: ["action": "\(action)", "error": "\(error)"])
        }
    }

    /// Marks a node whose key two hosts use. It gets no new offers until one of the hosts has joined again.
    private func markCloned(_ id: NodeID) async {
        guard let state = roster.withLock({ $0[id]?.record.state }), state == .active || state == .drained else {
            return
        }
        do throws(StoreError) {
            let outcome = try await store.change(id, by: .control(at: now()), "node.cloned") { node in
                node.state = .cloned
                return nil
            }
            guard let node = outcome.value else { return }
            await take(node)
            await say("node.cloned", id.description, .object(["name": .string(node.name)]), at: now())
        } catch {
            logger.warning("a cloned node was not marked", metadata: ["node": "\(id)", "error": "\(error)"])
        }
    }

    // MARK: Reports

    private func learn(
        _ facts: HostFacts, of id: NodeID, from address: String, at now: Double
    ) async throws(LinkRefusal) {
        guard let known = roster.withLock({ $0[id]?.record }) else { throw .revoked }
        roster.withLock { roster in roster.change(id) { $0.free = facts.free } }
        // Free space changes all the time, so it is not stored in the database.
        var kept = facts
        kept.free = []
        guard known.facts != kept || known.address != address else { return }
        let outcome = try await linked { [kept] () throws(StoreError) in
            try await store.change(id, by: Act(who: "node:\(id)", address: address, at: now), nil) { node in
                node.facts = kept
                node.address = address
                return nil
            }
        }
        if let node = outcome.value { roster.withLock { $0.put(node) } }
    }

    private func hear(_ figures: [JobFigures], of id: NodeID, at now: Double) async {
        guard !figures.isEmpty else { return }
        let open = jobs.withLock { jobs in Set(figures.map(\.job).filter { jobs.leads[$0] != nil }) }
        self.figures.withLock { board in
            for figure in figures where open.contains(figure.job) { board.put(figure, of: id, at: now) }
        }
        for figure in figures where !open.contains(figure.job) {
            // Without the database nobody knows.
            guard let isOpen = try? await hasOpened(figure.job), !isOpen else { continue }
            tell([(id, .end(job: figure.job))])
        }
    }

    /// Looks for a job that this control does not know: it is over, it was forgotten, or another control has just started it.
    /// - Returns: whether it is open; it is known here then.
    private func hasOpened(_ job: String) async throws(StoreError) -> Bool {
        guard let record = try await store.job(job), !record.state.hasEnded else { return false }
        try await reload(job: job)
        return true
    }

    /// Stores events and receipts.
    /// - Returns: the highest number of an event that is durable.
    private func keep(_ events: [AgentEvent], of id: NodeID, at now: Double) async throws(LinkRefusal) -> UInt64 {
        guard !events.isEmpty else { return 0 }
        guard let record = roster.withLock({ $0[id]?.record }) else { throw .revoked }
        var order: [String] = []
        var byJob: [String: [AgentEvent]] = [:]
        for event in events {
            if byJob[event.job] == nil { order.append(event.job) }
            byJob[event.job, default: []].append(event)
        }
        // Events from this one on are sent again.
        var first = UInt64.max
        for job in order {
            let events = byJob[job] ?? []
            let receipts = events.compactMap { event in
                event.receipt.map { text in
                    ReceiptRecord(
                        node: id, attempt: Int(clamping: event.attempt), state: event.report.name, jws: text,
                        publicKey: record.publicKey, at: now)
                }
            }
            let isTaken = try await linked { () throws(StoreError) -> Bool in
                let isOpen = if self.lead(job) == nil { try await self.hasOpened(job) } else { true }
                guard let lead = self.lead(job) else {
                    // An open one whose class cannot be read here is another control's, or waits until it can be read.
                    try await self.keepForgotten(receipts, of: job, id, ends: !isOpen)
                    return !isOpen
                }
                try await lead.report(
                    events.map {
                        JobLead.Report(
                            node: id, attempt: Int(clamping: $0.attempt), report: $0.report, detail: $0.detail,
                            sources: $0.sources)
                    }, receipts: receipts)
                return true
            }
            if !isTaken { first = min(first, events.map(\.number).min() ?? first) }
            if events.contains(where: { $0.report == .switched || $0.report == .done }) {
                await superseded(by: job, at: id)
            }
            if events.contains(where: { $0.report == .waiting(.space) }) { await sayCrowded(record, job, at: now) }
        }
        let taken = events.map(\.number).filter { $0 < first }.max() ?? 0
        // A full request of which nothing is taken would keep everything after it at the node. Its receipts are stored.
        guard taken == 0, events.count >= SyncRequest.mostEvents else { return taken }
        logger.error("events of jobs that cannot be read here are given up", metadata: ["node": "\(id)"])
        return events.map(\.number).max() ?? 0
    }

    /// Reports once that a node has too little space for a job.
    private func sayCrowded(_ node: NodeRecord, _ job: String, at now: Double) async {
        let isNew = crowded.withLock { crowded in
            if crowded.count > 10_000 { crowded = [] }
            return crowded.insert("\(job) \(node.id)").inserted
        }
        guard isNew else { return }
        await say(
            "node.space", node.id.description, .object(["name": .string(node.name), "job": .string(job)]), at: now)
    }

    /// For a job that has ended or is not in the database: stores receipts, and ends the job on the agent.
    private func keepForgotten(
        _ receipts: [ReceiptRecord], of job: String, _ id: NodeID, ends: Bool
    ) async throws(StoreError) {
        if !receipts.isEmpty {
            let isKnown = try await store.job(job) != nil
            try await store.keep(
                isKnown
                    ? receipts
                    : receipts.map { receipt in
                        ReceiptRecord(
                            node: receipt.node, attempt: receipt.attempt, state: "unknown", jws: receipt.jws,
                            publicKey: receipt.publicKey, at: receipt.at)
                    }, of: job)
        }
        if ends { tell([(id, .end(job: job))]) }
    }

    // MARK: The answer

    private func wait(_ id: NodeID, from now: Double) async {
        let until = now + settings.pace.interval(agents: roster.withLock { $0.present })
        await withCheckedContinuation { continuation in
            for resumed in roster.withLock({ $0.park(id, until: until, continuation) }) { resumed.resume() }
        }
    }

    /// Seconds between two progress reports, so that all nodes together send at most 500 a second.
    private func every(at now: Double) -> Double {
        let watched = figures.withLock { $0.watchedJobs(at: now) }
        let targets = jobs.withLock { jobs in watched.reduce(0) { $0 + (jobs.nodes[$1]?.count ?? 0) } }
        return max(1, Double(targets) / 500)
    }

    private func answer(_ id: NodeID, acknowledged: UInt64) async throws(LinkRefusal) -> SyncReply {
        guard isReady else { throw .unavailable }
        guard let seat = roster.withLock({ $0[id] }), seat.record.state != .revoked else { throw .revoked }
        let now = now()
        var commands: [FleetCommand] = []
        var gone: Set<PendingCommand> = []
        for pending in seat.outbox.commands.prefix(Outbox.most) {
            if let command = try await message(pending, to: id, site: seat.record.site) {
                commands.append(command)
            } else {
                gone.insert(pending)
            }
        }
        if !gone.isEmpty { roster.withLock { roster in roster.change(id) { $0.outbox.drop { gone.contains($0) } } } }
        let (watched, shares) = jobs.withLock { jobs in
            (jobs.ofNode[id] ?? [], jobs.shares(of: id, at: seat.record.site))
        }
        let seen = figures.withLock { board in watched.filter { board.isWatched($0, at: now) } }
        let agents = roster.withLock { $0.present }
        return SyncReply(
            nonce: seat.sequence?.nonce ?? "", time: now, interval: settings.pace.interval(agents: agents),
            state: seat.record.state, acknowledged: acknowledged, commands: commands, controls: doors,
            watched: Array(seen.sorted().prefix(SyncReply.mostJobs)), every: every(at: now), site: seat.record.site,
            shares: shares)
    }
}

import Fleet
import FleetLink
import FleetStore

/// The sync of a node: takes in what it says, waits until there is something to say to it, and answers. Owns nothing.
struct AgentSync: Sendable {
    let database: ControlDatabase
    let nodes: Nodes
    let cluster: ControlCluster
    let counter: SyncCounter
    let reports: AgentReports
    let events: NodeEvents
    let open: OpenJobs
    let figures: Figures
    let offers: JobOffers

    func sync(_ request: SyncRequest, of caller: LinkCaller) async throws(LinkRefusal) -> SyncReply {
        let id = caller.node
        try await counter.count(request, of: id)
        let now = database.now()
        let wasAway = nodes.hear(id, at: now, clock: request.time - now)
        nodes.accepted(request.taken, by: id, hasRestarted: request.facts != nil)
        do throws(LinkRefusal) {
            return try await heard(request, of: id, from: caller.address.host, wasAway: wasAway, at: now)
        } catch {
            // It is said again that the node is back.
            if wasAway { nodes.leave(id) }
            throw error
        }
    }

    /// Takes in what a node says, and answers when there is something to say.
    private func heard(
        _ request: SyncRequest, of id: NodeID, from address: String, wasAway: Bool, at now: Double
    ) async throws(LinkRefusal) -> SyncReply {
        if let facts = request.facts { try await learn(facts, of: id, from: address, at: now) }
        if let moment = request.moment { nodes.note(moment, of: id) }
        await reports.take(request.figures, of: id, at: now)
        let acknowledged = try await reports.keep(request.events, of: id, at: now)
        if wasAway, await !events.report(.back, of: [id]) { throw .unavailable }
        if request.facts != nil || wasAway { await events.tellAgain(id) }
        // Events that are not taken yet come again with the next sync.
        let answersNow = !request.waits || acknowledged > 0
        if !answersNow { await nodes.wait(id, from: now) }
        return try await answer(id, acknowledged: acknowledged)
    }

    private func learn(
        _ facts: HostFacts, of id: NodeID, from address: String, at now: Double
    ) async throws(LinkRefusal) {
        guard let known = nodes.record(of: id) else { throw .revoked }
        nodes.note(free: facts.free, of: id)
        // Free space changes all the time, so it is not stored in the database.
        var kept = facts
        kept.free = []
        guard known.facts != kept || known.address != address else { return }
        let outcome = try await database.linked { [kept] () throws(StoreError) in
            try await database.store.change(id, by: Act(who: "node:\(id)", address: address, at: now), nil) { node in
                node.facts = kept
                node.address = address
                return nil
            }
        }
        if let node = outcome.value { nodes.put(node) }
    }

    // MARK: The answer

    private func answer(_ id: NodeID, acknowledged: UInt64) async throws(LinkRefusal) -> SyncReply {
        guard database.isReady else { throw .unavailable }
        guard let seat = nodes[id], seat.record.state != .revoked else { throw .revoked }
        let now = database.now()
        var commands: [FleetCommand] = []
        var gone: Set<PendingCommand> = []
        for pending in seat.outbox.commands.prefix(Outbox.most) {
            // It may have been drained since it was to be offered that.
            if pending.isOffer, seat.record.state != .active {
                gone.insert(pending)
            } else if let command = try await offers.message(pending, to: id, site: seat.record.site) {
                commands.append(command)
            } else {
                gone.insert(pending)
            }
        }
        if !gone.isEmpty { nodes.drop(gone, of: id, judgedAt: seat.outbox.repetitions) }
        let (jobs, shares) = open.jobsAndShares(of: id, at: seat.record.site)
        let watched = figures.watched(of: jobs, at: now)
        return SyncReply(
            nonce: seat.sequence?.nonce ?? "", time: now, interval: nodes.interval,
            state: seat.record.state, acknowledged: acknowledged, commands: commands, controls: cluster.doors,
            watched: Array(watched.sorted().prefix(SyncReply.mostJobs)), every: every(at: now), site: seat.record.site,
            shares: shares)
    }

    /// Seconds between two progress reports, so that all nodes together send at most 500 a second.
    private func every(at now: Double) -> Double {
        max(1, Double(open.countNodes(of: figures.watchedJobs(at: now))) / 500)
    }
}

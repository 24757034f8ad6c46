import Fleet
import FleetLink
import FleetStore

/// Makes the messages of queued commands at the moment they are sent, so that an offer has the current peers. Owns
/// nothing.
struct JobOffers: Sendable {
    let database: ControlDatabase
    let open: OpenJobs
    let swarms: JobSwarms
    /// Announce URLs of trackers other than those inside controls.
    let trackers: [String]

    /// The message for a queued command; nil if its job has ended since.
    func message(
        _ command: PendingCommand, to node: NodeID, site: String?
    ) async throws(LinkRefusal) -> FleetCommand? {
        let job = command.job
        switch command {
        case .offer(_, let attempt):
            guard let facts = open.facts(of: job), let offer = offer(facts, to: node, site: site ?? "") else {
                return nil
            }
            return FleetCommand(id: command.id, job: job, attempt: Int64(attempt), action: .offer(offer))
        case .restore(_, let attempt):
            guard let facts = open.facts(of: job), let version = facts.record.restores,
                let offer = offer(facts, to: node, site: site ?? "")
            else { return nil }
            return FleetCommand(
                id: command.id, job: job, attempt: Int64(attempt), action: .restore(offer, version: version))
        case .switches(_, let attempt, let moment):
            // Since it was ordered, the job may have been held, or paused. It is ordered again when the job goes on.
            switch await open.lead(job)?.snapshot?.machine?.state {
            case .held, .paused: return nil
            default: break
            }
            return FleetCommand(id: command.id, job: job, attempt: Int64(attempt), action: .switches(at: moment))
        case .pause: return FleetCommand(id: command.id, job: job, action: .pause)
        case .resume: return FleetCommand(id: command.id, job: job, action: .resume)
        case .cancel: return FleetCommand(id: command.id, job: job, action: .cancel)
        case .end: return FleetCommand(id: command.id, job: job, action: .end)
        case .send:
            // Once the job has started, there is nothing to begin.
            let known = try await database.linked { () throws(StoreError) in try await database.store.job(job) }
            guard let record = known, !record.state.hasEnded, record.course == nil else { return nil }
            return FleetCommand(id: command.id, job: job, action: .send(record.order))
        }
    }

    /// An offer of at most 4 KiB. Leaves out peers if necessary.
    private func offer(_ facts: JobTable.Facts, to node: NodeID, site: String) -> JobOffer? {
        guard let content = facts.record.content else { return nil }
        var peers = swarms.peers(of: facts, for: node, site: site)
        for address in facts.record.addresses where !peers.contains(address) && peers.count < JobOffer.mostPeers {
            peers.append(address)
        }
        while true {
            let offer = JobOffer(
                content: content, name: facts.record.name, className: facts.record.className,
                classVersion: Int64(facts.record.classVersion), terms: facts.terms.forTargets,
                isCache: facts.record.caches.contains(node), secret: facts.secret, ticket: facts.ticket(for: node),
                trackers: trackers, peers: peers, deadline: facts.record.deadline, expires: facts.record.expires,
                priority: Int64(facts.record.priority), sums: facts.record.sums)
            if peers.isEmpty || offer.bytes.count <= JobOffer.most { return offer }
            peers.removeLast(min(peers.count, 5))
        }
    }
}

import Address
import Crypto
import Fleet
import FleetLink
import FleetStore
import Hashing
import Text

extension ControlCore {
    /// The message for a queued command; nil if its job has ended since.
    func message(
        _ command: PendingCommand, to node: NodeID, site: String?
    ) async throws(LinkRefusal) -> FleetCommand? {
        let job = command.job
        switch command {
        case .offer(_, let attempt):
            guard let facts = jobs.withLock({ $0.facts[job] }),
                let offer = offer(facts, to: node, site: site ?? "")
            else { return nil }
            return FleetCommand(id: command.id, job: job, attempt: Int64(attempt), action: .offer(offer))
        case .restore(_, let attempt):
            guard let facts = jobs.withLock({ $0.facts[job] }), let version = facts.record.restores,
                let offer = offer(facts, to: node, site: site ?? "")
            else { return nil }
            return FleetCommand(
                id: command.id, job: job, attempt: Int64(attempt), action: .restore(offer, version: version))
        case .switches(_, let attempt, let moment):
            return FleetCommand(id: command.id, job: job, attempt: Int64(attempt), action: .switches(at: moment))
        case .pause: return FleetCommand(id: command.id, job: job, action: .pause)
        case .resume: return FleetCommand(id: command.id, job: job, action: .resume)
        case .cancel: return FleetCommand(id: command.id, job: job, action: .cancel)
        case .end: return FleetCommand(id: command.id, job: job, action: .end)
        case .send:
            // Once the job has started, there is nothing to begin.
            let known = try await linked { () throws(StoreError) in try await store.job(job) }
            guard let record = known, !record.state.hasEnded, record.course == nil else { return nil }
            return FleetCommand(id: command.id, job: job, action: .send(record.order))
        }
    }

    /// An offer of at most 4 KiB. Leaves out peers if necessary.
    private func offer(_ facts: JobTable.Facts, to node: NodeID, site: String) -> JobOffer? {
        guard let content = facts.record.content else { return nil }
        let now = now()
        var random = SystemRandomNumberGenerator()
        var peers = peers.withLock {
            $0.peers(
                of: facts.record.id, for: node, site: site, only: facts.givers(for: node), wanted: JobOffer.mostPeers,
                at: now, using: &random)
        }
        for address in facts.record.addresses where !peers.contains(address) && peers.count < JobOffer.mostPeers {
            peers.append(address)
        }
        while true {
            let offer = JobOffer(
                content: content, name: facts.record.name, className: facts.record.className,
                classVersion: Int64(facts.record.classVersion), terms: facts.terms.forTargets,
                isCache: facts.record.caches.contains(node), secret: facts.secret, ticket: ticket(facts, node),
                trackers: settings.trackers, peers: peers, deadline: facts.record.deadline,
                expires: facts.record.expires, priority: Int64(facts.record.priority),
                sums: facts.record.sums)
            if peers.isEmpty || offer.bytes.count <= JobOffer.most { return offer }
            peers.removeLast(min(peers.count, 5))
        }
    }

    /// The ticket with which a node announces to trackers. It is derived from the job's one-time key, and valid until
    /// the job ends.
    func ticket(_ facts: JobTable.Facts, _ node: NodeID) -> Secret? {
        guard !facts.ticketKey.isEmpty else { return nil }
        return JobTicket.make(for: node, key: facts.ticketKey)
    }

    /// HMAC-SHA256.
    static func derived(from key: [UInt8], _ purpose: String) -> [UInt8] {
        Array(HMAC<Crypto.SHA256>.authenticationCode(for: Array(purpose.utf8), using: SymmetricKey(data: key)))
    }
}

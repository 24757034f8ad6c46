import Address
import Fleet
import FleetLink
import Hashing
import Synchronization
import Text

/// The swarms of open jobs: control's own tracker, and the list for trackers of the fleet. Owns the peers that have
/// announced. Which nodes may hear of each other, the job says.
final class JobSwarms: Sendable {
    private let open: OpenJobs
    private let nodes: Nodes
    private let now: @Sendable () -> Double
    private let tracker = Mutex(JobTracker())

    init(_ open: OpenJobs, _ nodes: Nodes, now: @escaping @Sendable () -> Double) {
        self.open = open
        self.nodes = nodes
        self.now = now
    }

    // MARK: Peers

    func announce(_ request: AnnounceRequest, by node: NodeID) throws(LinkRefusal) -> AnnounceReply {
        guard let facts = open.facts(of: request.job, for: node) else { throw .noJob }
        let site = nodes.site(of: node) ?? ""
        let now = now()
        var random = SystemRandomNumberGenerator()
        return tracker.withLock {
            $0.announce(request, of: node, site: site, only: facts.givers(for: node), at: now, using: &random)
        }
    }

    /// Peers for the offer of a job to a node.
    /// - Parameter site: of the node; empty for none.
    func peers(of facts: JobTable.Facts, for node: NodeID, site: String) -> [PeerAddress] {
        let now = now()
        var random = SystemRandomNumberGenerator()
        return tracker.withLock {
            $0.peers(
                of: facts.record.id, for: node, site: site, only: facts.givers(for: node), wanted: JobOffer.mostPeers,
                at: now, using: &random)
        }
    }

    /// Removes all peers of a job that has ended.
    func end(_ job: String) { tracker.withLock { $0.end(job) } }

    /// Removes peers that have not announced for long. Call it from time to time.
    func expire(at now: Double) { tracker.withLock { $0.expire(at: now) } }

    // MARK: The list for trackers

    /// The swarms of open jobs, for a node that is a tracker.
    func list(for node: NodeID) throws(LinkRefusal) -> SwarmList {
        guard nodes.record(of: node)?.labels[SwarmList.role.key] == SwarmList.role.value else {
            throw LinkRefusal(
                403, "no_tracker", "this node is no tracker",
                advice: "label it: swoop fleet node label \(node) \(SwarmList.role.key)=\(SwarmList.role.value)")
        }
        var swarms: [SHA1Digest] = []
        var keys: [SHA1Digest: Secret] = [:]
        for facts in open.facts where swarms.count < SwarmList.most {
            let own = SwarmHashes.of(facts.record.content, secret: facts.secret)
            swarms += own.prefix(SwarmList.most - swarms.count)
            // Whoever has the torrent may take part in an open job.
            guard facts.secret != nil, !facts.ticketKey.isEmpty else { continue }
            for swarm in own { keys[swarm] = Secret(Hexadecimal.encode(facts.ticketKey)) }
        }
        return SwarmList(swarms: swarms, keys: keys)
    }
}

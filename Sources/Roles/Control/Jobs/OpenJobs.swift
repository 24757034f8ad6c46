import Fleet
import Synchronization

/// The open jobs in memory. Owns the ``JobTable``: each read and each change of it is one method here, under one lock.
/// It reads nothing from the database and tells nobody anything.
final class OpenJobs: Sendable {
    private let table = Mutex(JobTable())

    // MARK: Jobs

    var count: Int { table.withLock { $0.facts.count } }
    var leads: [String: JobLead] { table.withLock { $0.leads } }
    /// All jobs that have started.
    var facts: [JobTable.Facts] { table.withLock { Array($0.facts.values) } }
    /// All leads, and the facts of the jobs that have started.
    var leadsAndFacts: (leads: [String: JobLead], facts: [String: JobTable.Facts]) {
        table.withLock { ($0.leads, $0.facts) }
    }

    func facts(of job: String) -> JobTable.Facts? { table.withLock { $0.facts[job] } }
    func settings(of job: String) -> FleetClass? { table.withLock { $0.facts[job]?.settings } }

    /// The lead of an open, running job; nil for others.
    func lead(_ job: String) -> JobLead? { table.withLock { $0.leads[job] } }

    /// The lead of a job.
    /// - Parameter make: makes it, where there is none.
    func lead(_ job: String, orElse make: () -> JobLead) -> JobLead {
        table.withLock { table in
            if let lead = table.leads[job] { return lead }
            let lead = make()
            table.leads[job] = lead
            return lead
        }
    }

    /// Those of these jobs that have a lead.
    func known(_ jobs: [String]) -> Set<String> {
        table.withLock { table in Set(jobs.filter { table.leads[$0] != nil }) }
    }

    /// Older jobs that would publish at the destination of this one.
    func older(than job: String) -> [(facts: JobTable.Facts, lead: JobLead)] { table.withLock { $0.older(than: job) } }

    /// - Parameter nodes: targets and caches.
    func put(_ facts: JobTable.Facts, nodes: [NodeID]) { table.withLock { $0.put(facts, nodes: nodes) } }

    func remove(_ job: String) { table.withLock { $0.remove(job) } }

    // MARK: Jobs that have not started

    /// A node was ordered to send a job that has not started.
    func putUnbegun(_ job: String, sender: NodeID) { table.withLock { $0.unbegun[job] = sender } }

    /// Jobs that a node was ordered to send and that have not started.
    func unbegun(by sender: NodeID) -> [String] {
        table.withLock { table in table.unbegun.filter { $0.value == sender }.map(\.key) }
    }

    // MARK: Nodes of jobs

    /// Targets and caches of a job.
    func nodes(of job: String) -> [NodeID] { table.withLock { $0.nodes[job] ?? [] } }

    /// Number of targets and caches of these jobs together.
    func countNodes(of jobs: [String]) -> Int {
        table.withLock { table in jobs.reduce(0) { $0 + (table.nodes[$1]?.count ?? 0) } }
    }

    /// Jobs in which a node takes part, as a target or cache.
    func jobs(of node: NodeID) -> Set<String> { table.withLock { $0.ofNode[node] ?? [] } }

    /// The same for several nodes: the nodes of each job.
    func jobs(of nodes: [NodeID]) -> [String: [NodeID]] {
        var byJob: [String: [NodeID]] = [:]
        table.withLock { table in
            for node in nodes { for job in table.ofNode[node] ?? [] { byJob[job, default: []].append(node) } }
        }
        return byJob
    }

    /// Whether a node is a target or cache of a job.
    func has(_ node: NodeID, in job: String) -> Bool { table.withLock { $0.ofNode[node]?.contains(job) ?? false } }

    /// Whether a node is a target, a cache or the sender of a job that has started.
    func isConcerned(_ node: NodeID, in job: String) -> Bool {
        table.withLock { $0.ofNode[node]?.contains(job) == true || $0.facts[job]?.record.sender == node }
    }

    /// A job that has started, for a node that takes part in it or sends it.
    func facts(of job: String, for node: NodeID) -> JobTable.Facts? {
        table.withLock { table in
            guard let facts = table.facts[job] else { return nil }
            return table.ofNode[node]?.contains(job) == true || facts.record.sender == node ? facts : nil
        }
    }

    // MARK: Lines of sites

    /// Sets how many nodes of each site share its line.
    func put(sharers: [String: Int], of job: String) { table.withLock { $0.put(sharers: sharers, of: job) } }

    /// The jobs of a node, and what it may receive of each from outside its site, see ``JobTable/shares(of:at:)``.
    func jobsAndShares(of node: NodeID, at site: String?) -> (jobs: Set<String>, shares: [String: Int64]) {
        table.withLock { ($0.ofNode[node] ?? [], $0.shares(of: node, at: site)) }
    }
}

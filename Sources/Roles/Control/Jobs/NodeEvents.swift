import Fleet
import FleetStore

/// What happens to nodes, for all open jobs in which they take part. Owns nothing: what follows for a job is decided by
/// its machine.
struct NodeEvents: Sendable {
    let database: ControlDatabase
    let nodes: Nodes
    let open: OpenJobs
    let dispatcher: JobDispatcher
    let loader: JobLoader

    /// Reports an event of nodes to all open jobs of theirs, to each job once.
    /// - Returns: false if the database did not take all of it.
    @discardableResult
    func report(_ report: JobMachine.Report, of nodes: [NodeID]) async -> Bool {
        var isKept = true
        for (id, nodes) in open.jobs(of: nodes).sorted(by: { $0.key < $1.key }) {
            guard let lead = open.lead(id), let machine = await loader.standing(lead)?.machine else { continue }
            let reports = nodes.filter { machine.target($0) != nil }.map {
                JobLead.Report(node: $0, attempt: nil, report: report, detail: nil)
            }
            do throws(StoreError) { try await lead.report(reports) } catch {
                isKept = false
                database.logger.warning(
                    "what happened to nodes was not kept",
                    metadata: ["job": "\(id)", "nodes": "\(nodes.count)", "error": "\(error)"])
            }
        }
        return isKept
    }

    /// Queues all current commands again for a node that has restarted, or that accepts jobs again.
    func tellAgain(_ node: NodeID) async {
        // It may not have heard what it is to send. Who sends it already takes no notice.
        nodes.tell(open.unbegun(by: node).sorted().map { (node, .send(job: $0)) })
        for id in open.jobs(of: node).sorted() {
            guard let lead = open.lead(id), let snapshot = await loader.standing(lead) else { continue }
            dispatcher.tellAgain(node, of: snapshot)
        }
    }

    /// Pauses all running jobs on one node.
    func pauseAll(of node: NodeID) async {
        for id in open.jobs(of: node) {
            guard let snapshot = await open.lead(id)?.snapshot else { continue }
            // Each time that the node is drained is another order.
            let revision = nodes.record(of: node)?.revision ?? 0
            nodes.tell([(node, .pause(job: id, revision: max(revision, snapshot.record.revision)))])
        }
    }
}

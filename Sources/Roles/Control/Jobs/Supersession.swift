import Fleet
import FleetStore

/// Ends older jobs where a newer one publishes at the same destination. A job that is planned for later is not older than what is sent
/// until then. Owns nothing.
struct Supersession: Sendable {
    let database: ControlDatabase
    let nodes: Nodes
    let open: OpenJobs

    /// Call when a job starts. On its targets, older jobs for the same destination are superseded if the target has not
    /// begun with them.
    func supersede(by job: JobSnapshot) async {
        let targets = Set((job.machine?.targets ?? []).map(\.node))
        for (facts, lead) in open.older(than: job.record.id) {
            guard let machine = await lead.snapshot?.machine, machine.state != .planned else { continue }
            let waiting = machine.targets.filter { target in
                guard targets.contains(target.node), case .waiting(let reason) = target.state else { return false }
                return reason == .away || reason == .offer || reason == .drained
            }
            await supersede(waiting.map(\.node), facts.record.id, lead)
        }
    }

    /// Call when a node has switched to a job's content. Older jobs for the same destination are superseded on that
    /// node.
    func supersede(by job: String, at node: NodeID) async {
        for (facts, lead) in open.older(than: job) {
            guard let machine = await lead.snapshot?.machine, machine.state != .planned,
                let target = machine.target(node), !target.state.hasEnded
            else { continue }
            await supersede([node], facts.record.id, lead)
        }
    }

    private func supersede(_ targets: [NodeID], _ job: String, _ lead: JobLead) async {
        guard !targets.isEmpty else { return }
        do throws(StoreError) {
            try await lead.report(
                targets.map { JobLead.Report(node: $0, attempt: nil, report: .superseded, detail: nil) })
            nodes.tell(targets.map { ($0, .cancel(job: job)) })
        } catch {
            database.logger.warning("an older job did not end", metadata: ["job": "\(job)", "error": "\(error)"])
        }
    }
}

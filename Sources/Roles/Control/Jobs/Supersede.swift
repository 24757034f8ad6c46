import Fleet
import FleetStore

extension ControlCore {
    /// Whether two jobs publish at the same destination.
    private static func haveOnePlace(_ one: JobTable.Facts, _ other: JobTable.Facts) -> Bool {
        one.record.className == other.record.className
            && (one.settings.publish == .versions || one.record.name == other.record.name)
    }

    /// Older open jobs that would publish at the same destination.
    private func older(than id: String) -> [(facts: JobTable.Facts, lead: JobLead)] {
        jobs.withLock { jobs in
            guard let facts = jobs.facts[id] else { return [] }
            return jobs.facts.values.filter { $0.record.id < id && Self.haveOnePlace($0, facts) }.compactMap { other in
                jobs.leads[other.record.id].map { (other, $0) }
            }
        }
    }

    /// Call when a job starts. On its targets, older jobs for the same destination are superseded if the target has not
    /// begun with them.
    func supersede(by job: JobSnapshot) async {
        let nodes = Set((job.machine?.targets ?? []).map(\.node))
        for (facts, lead) in older(than: job.record.id) {
            let targets = await lead.snapshot?.machine?.targets ?? []
            let waiting = targets.filter { target in
                guard nodes.contains(target.node), case .waiting(let reason) = target.state else { return false }
                return reason == .away || reason == .offer || reason == .drained
            }
            await supersede(waiting.map(\.node), facts.record.id, lead)
        }
    }

    /// Call when a node has switched to a job's content. Older jobs for the same destination are superseded on that
    /// node.
    func superseded(by id: String, at node: NodeID) async {
        for (facts, lead) in older(than: id) {
            guard let target = await lead.snapshot?.machine?.target(node), !target.state.hasEnded else { continue }
            await supersede([node], facts.record.id, lead)
        }
    }

    private func supersede(_ nodes: [NodeID], _ job: String, _ lead: JobLead) async {
        guard !nodes.isEmpty else { return }
        do throws(StoreError) {
            try await lead.report(
                nodes.map { JobLead.Report(node: $0, attempt: nil, report: .superseded, detail: nil) })
            tell(nodes.map { ($0, .cancel(job: job)) })
        } catch {
            logger.warning("an older job did not end", metadata: ["job": "\(job)", "error": "\(error)"])
        }
    }
}

import Fleet
import FleetStore

/// Makes commands for nodes from the orders of a job's machine, and queues them. Owns nothing: whom a command reaches
/// is decided by the job as it stands and by the state of each node.
final class JobDispatcher: Sendable {
    private let open: OpenJobs
    private let nodes: Nodes
    private let figures: Figures

    init(_ open: OpenJobs, _ nodes: Nodes, _ figures: Figures) {
        self.open = open
        self.nodes = nodes
        self.figures = figures
    }

    /// Queues commands for the orders of a change. If the job has ended, tells all its nodes.
    func carryOut(_ orders: [JobMachine.Order], of job: JobSnapshot, before: JobSnapshot?) {
        let record = job.record
        if before?.record.revision != record.revision { countSharers(job) }
        var commands: [(NodeID, PendingCommand)] = []
        var offered: Set<NodeID> = []
        for order in orders {
            switch order {
            case .offer(let node, let attempt):
                guard offered.insert(node).inserted else { continue }
                if let command = offer(record, to: node, attempt: attempt) { commands.append((node, command)) }
            case .switches(let node, let moment):
                let attempt = job.machine?.target(node)?.attempt ?? 1
                commands.append((node, .switches(job: record.id, attempt: attempt, at: moment)))
            case .cancel(let node): commands.append((node, .cancel(job: record.id)))
            case .pause(let node): commands.append((node, .pause(job: record.id, revision: record.revision)))
            case .resume(let node): commands.append((node, .resume(job: record.id, revision: record.revision)))
            }
        }
        if before.map({ $0.record.state == .planned }) ?? true, record.state != .planned, !record.state.hasEnded,
            record.restores == nil
        {
            for node in record.caches {
                if let command = offer(record, to: node, attempt: 1) { commands.append((node, command)) }
            }
        }
        // Everybody stopped seeding when the job ended. Its sender begins again, told so once each time.
        if before?.record.state.hasEnded ?? true, record.restores == nil, let machine = job.machine,
            let reopened = machine.reopened, !machine.state.hasEnded, machine.state != .paused
        {
            commands.append((record.sender, .resume(job: record.id, revision: Int64(exactly: reopened.rounded()) ?? 0)))
        }
        nodes.tell(commands)
        guard record.state.hasEnded, before.map({ !$0.record.state.hasEnded }) ?? true else { return }
        let end = record.state == .cancelled ? PendingCommand.cancel(job: record.id) : .end(job: record.id)
        let told = (job.machine?.targets.map(\.node) ?? []) + record.caches + [record.sender]
        nodes.tell(told.map { ($0, end) })
    }

    /// Queues all current commands of a job again for a node that has restarted, or that accepts jobs again.
    func tellAgain(_ node: NodeID, of snapshot: JobSnapshot) {
        guard let machine = snapshot.machine else { return }
        let id = snapshot.record.id
        carryOut(machine.orders(of: node), of: snapshot, before: snapshot)
        // The node may have been told of the job's revision before.
        let revision = max(snapshot.record.revision, nodes.record(of: node)?.revision ?? 0)
        if let target = machine.target(node), !target.state.hasEnded {
            if machine.state == .paused {
                nodes.tell([(node, .pause(job: id, revision: revision))])
            } else if nodes.state(of: node) == .active {
                // It may have been paused, and not have heard more. An offer that it had is not told again, so it
                // is told this as well, after the offer.
                nodes.tell([(node, .resume(job: id, revision: revision))])
            }
        }
        if snapshot.record.caches.contains(node), !machine.state.hasEnded, machine.state != .planned {
            // A cache is paused only where it was drained at once.
            if let command = offer(snapshot.record, to: node, attempt: 1) {
                nodes.tell([(node, command), (node, .resume(job: id, revision: revision))])
            }
        }
    }

    /// Nil if the node gets no new jobs.
    private func offer(_ record: JobRecord, to node: NodeID, attempt: Int) -> PendingCommand? {
        guard nodes.state(of: node) == .active else { return nil }
        return record.restores == nil
            ? .offer(job: record.id, attempt: attempt) : .restore(job: record.id, attempt: attempt)
    }

    /// Counts the nodes that share a site's line, for a class that limits it.
    private func countSharers(_ job: JobSnapshot) {
        guard let machine = job.machine, open.settings(of: job.record.id)?.limits.site != nil else { return }
        let size = job.record.content?.bytes ?? 0
        let known = figures.of(job.record.id)
        let caches = job.record.caches.filter { known[$0]?.figures.done ?? 0 < size }
        let sharers = nodes.countBySite(Set(caches + machine.targets.filter(\.state.usesLine).map(\.node)))
        open.put(sharers: sharers, of: job.record.id)
    }
}

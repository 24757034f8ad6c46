import BFT
import Fleet
import FleetAgent
import Jobs
import Logging
import Node

/// The agent of a host that is a delivery node too: one process is both. The node's tasks are shown in the fleet, and left to the node.
struct NodeAgent {
    private let daemon: FleetDaemon

    /// - Returns: nil where the configuration names no agent, or where the agent cannot start: deliveries go on without it.
    static func start(
        beside node: DeliveryNode, _ configuration: NodeConfiguration, _ reporter: Reporter, _ logger: Logger
    ) async -> NodeAgent? {
        guard let path = configuration.agentFile else { return nil }
        let places = AgentPlaces(data: configuration.agentData)
        do {
            let file = try await AgentFile.read(path, reporter)
            let daemon = try await FleetDaemon.start(
                places, file, anyPort: false, tellsLoopback: false, logger: logger, library: await node.library
            ) { await tasks(of: node) }
            reporter.note(
                "node \(await daemon.client.name) of the fleet at \(await daemon.client.current), commands at "
                    + places.socket.shown)
            daemon.reloadOnHangup(path, reporter)
            return NodeAgent(daemon: daemon)
        } catch {
            let failure = error as? Failure
            reporter.warning("the node runs without its agent: \(failure?.message ?? "\(error)".shown)")
            return nil
        }
    }

    func stop() async { await daemon.stop() }

    /// Tasks that are not over.
    private static func tasks(of node: DeliveryNode) async -> [HostTask] {
        let jobs = Dictionary(await node.jobs().map { ($0.name, $0) }) { first, _ in first }
        return await node.tasks().filter { $0.state != .history && $0.name.utf8.count <= 512 }
            .prefix(HostMoment.mostTasks).map { task in
                guard task.side == .receiver, let job = jobs[task.name] else {
                    return HostTask(
                        name: task.name, direction: task.side == .sender ? "send" : "receive",
                        state: task.state.rawValue)
                }
                return HostTask(
                    name: task.name, direction: "receive", state: task.state.rawValue,
                    done: job.received.all.reduce(job.localBytes, +), total: job.totalBytes,
                    rate: job.rates.all.reduce(0, +), detail: job.notes.isEmpty ? nil : String(job.notes.prefix(250)))
            }
    }
}

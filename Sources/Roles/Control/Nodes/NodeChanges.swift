import Fleet
import FleetStore

/// Takes over changes of nodes' records: those that this control has made, and those of others. Tells jobs and waiting
/// requests what follows from a node's new state. Has no state of its own.
struct NodeChanges: Sendable {
    let database: ControlDatabase
    let nodes: Nodes
    let events: NodeEvents

    /// Updates a node in memory after this control has changed it.
    func take(_ node: NodeRecord) async {
        let before = nodes.take(node)
        await changed(node, before: before)
    }

    /// Updates a node in memory that this or another control has changed in the database.
    /// - Parameter text: its id.
    func follow(_ text: String) async throws(StoreError) {
        guard let id = NodeID(text) else { return }
        let before = nodes.record(of: id)
        guard let node = try await database.store.node(id) else {
            return nodes.remove(id, ifRevision: before?.revision)
        }
        if let before, before.revision >= node.revision { return }
        await take(node)
    }

    /// This control has removed a node from the database.
    func removed(_ id: NodeID) async {
        await events.report(.failed(code: "removed", again: false), of: [id])
        nodes.remove(id)
    }

    /// Informs jobs and waiting requests that a node's state has changed.
    private func changed(_ node: NodeRecord, before: NodeRecord?) async {
        guard let before, before.state != node.state else { return }
        switch node.state {
        case .revoked:
            await events.report(.failed(code: "removed", again: false), of: [node.id])
            nodes.wake(node.id)
        case .drained, .cloned, .pending: await events.report(.drained, of: [node.id])
        case .active:
            await events.report(.back, of: [node.id])
            await events.tellAgain(node.id)
            nodes.wake(node.id)
        }
    }
}

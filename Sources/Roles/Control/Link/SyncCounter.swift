import Fleet
import FleetLink
import FleetStore
import JSON
import Text

/// Counts the requests of nodes, and refuses repeated ones and those of a second host with the same key. Owns nothing:
/// the sequences are with the nodes, and what a number means is decided by ``Fleet/SyncSequence``.
struct SyncCounter: Sendable {
    let database: ControlDatabase
    let nodes: Nodes
    let changes: NodeChanges

    func count(_ request: SyncRequest, of id: NodeID) async throws(LinkRefusal) {
        if !nodes.hasSequence(id) {
            let known = try await database.linked { () throws(StoreError) in try await database.store.sequence(of: id) }
            nodes.begin(known ?? SyncSequence(), of: id)
        }
        switch nodes.count(request, of: id, next: Hexadecimal.encode(RandomBytes.make(16))) {
        case nil: return
        case .replayed:
            await note("sync.replayed", id, .object(["number": .integer(Int64(clamping: request.number))]))
            throw .replayed
        case .cloned:
            await markCloned(id)
            throw .cloned
        }
    }

    private func note(_ action: String, _ id: NodeID, _ doc: JSONValue) async {
        do throws(StoreError) {
            try await database.store.note(action, id.description, doc, by: Act(who: "node:\(id)", at: database.now()))
        } catch {
            database.logger.warning(
                "a refusal was not written", metadata: ["action": "\(action)", "error": "\(error)"])
        }
    }

    /// Marks a node whose key two hosts use. It gets no new offers until one of the hosts has joined again.
    private func markCloned(_ id: NodeID) async {
        guard let state = nodes.state(of: id), state == .active || state == .drained else { return }
        do throws(StoreError) {
            let outcome = try await database.store.change(id, by: .control(at: database.now()), "node.cloned") { node in
                node.state = .cloned
                return nil
            }
            guard let node = outcome.value else { return }
            await changes.take(node)
            await database.say(
                "node.cloned", id.description, .object(["name": .string(node.name)]), at: database.now())
        } catch {
            database.logger.warning("a cloned node was not marked", metadata: ["node": "\(id)", "error": "\(error)"])
        }
    }
}

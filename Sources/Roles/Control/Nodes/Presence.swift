import Fleet
import FleetStore
import JSON

/// Finds out which nodes are away, and forgets those that do not come back: ephemeral ones, and those that nobody has
/// admitted in time. Writes when nodes and API tokens were last seen. Has no state of its own: when a node was heard is
/// in ``Nodes``.
struct Presence: Sendable {
    /// Seconds without a word after which an ephemeral node is forgotten at the latest when records are tidied.
    private static let ephemeralRest = 600.0
    /// Seconds since it was seen last after which it is no news that a node is away: control was away itself.
    private static let newsAge = 3600.0
    /// If more nodes than this become away at once, one event reports all of them instead of one event each.
    private static let mostSaid = 50

    let database: ControlDatabase
    let nodes: Nodes
    let cluster: ControlCluster
    let events: NodeEvents
    let changes: NodeChanges
    let access: APIAccess
    /// This control's id.
    let control: String

    // MARK: Away

    func findAway(_ now: Double) async {
        let found = nodes.findAway(at: now)
        await leave(found.filter { cluster.reports($0, at: now) }.map(\.record.id), now)
    }

    /// Nodes are away.
    private func leave(_ found: [NodeID], _ now: Double) async {
        // Of those that control has just found out at its start, the ones that went while it was away.
        let news = nodes.filter(found) { $0.record.state == .active && $0.record.seen > now - Self.newsAge }
        if news.count > Self.mostSaid {
            await database.say("nodes.away", "", .object(["nodes": .integer(Int64(news.count))]), at: now)
        }
        await events.report(.away, of: found)
        // Who has come back meanwhile may have said so before.
        let back = nodes.filter(found) { !$0.isAway }
        await events.report(.back, of: back)
        for node in found where !back.contains(node) {
            guard let seat = nodes[node], seat.isAway else { continue }
            let record = seat.record
            if record.isEphemeral {
                await forget(record, "node.forget")
            } else if news.count <= Self.mostSaid, news.contains(node) {
                await database.say("node.away", node.description, .object(["name": .string(record.name)]), at: now)
            }
        }
    }

    private func forget(_ node: NodeRecord, _ action: String) async {
        do throws(StoreError) {
            // Somebody may have admitted or changed it meanwhile, here or with another control.
            let outcome = try await database.store.remove(
                node.id, expecting: node.revision, by: .control(at: database.now()), action)
            guard case .done = outcome else { return }
            await changes.removed(node.id)
        } catch {
            database.logger.warning(
                "a node was not forgotten", metadata: ["node": "\(node.id)", "error": "\(error)"])
        }
    }

    // MARK: From time to time

    /// Writes when nodes and API tokens were last seen. A crash may lose the latest of it, so it is written only from
    /// time to time.
    func write(_ now: Double) async {
        do throws(StoreError) {
            let seen = nodes.takeUnwritten(most: 2000, at: now)
            try await database.store.seen(seen, by: control)
            try await database.store.seen(apiTokens: access.takeUses())
        } catch {
            database.logger.warning("presence was not written", metadata: ["error": "\(error)"])
        }
    }

    /// Forgets nodes that nobody has admitted in time, and ephemeral ones that were not heard of for long.
    func forgetOverdue(_ now: Double) async {
        let pending = nodes.records { $0.record.state == .pending && ($0.record.pendingUntil ?? .infinity) < now }
        for node in pending { await forget(node, "node.expire") }
        // Those that no control saw go away: they never came after they joined, or went while controls were down.
        let known = (try? await database.store.nodes()) ?? []
        for node in known where node.isEphemeral {
            guard max(node.seen, node.joined, nodes.lastHeard(node.id)) < now - Self.ephemeralRest else { continue }
            await forget(node, "node.forget")
        }
    }
}

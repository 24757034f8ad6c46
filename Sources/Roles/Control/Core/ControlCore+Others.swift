import Fleet
import FleetStore

extension ControlCore {
    /// What this control wrote of itself last.
    struct OwnWord: Sendable {
        var nodes: [NodeID] = []
        /// Seconds since 1970.
        var at = 0.0
    }

    /// Tells the other controls of the database which nodes this one hears of, and takes over what they say: a node that is with
    /// another control is not away.
    func followControls(_ now: Double) async {
        let seconds = settings.pace.awayAfter(agents: roster.withLock { $0.present })
        let nodes = roster.withLock { $0.heardHere(at: now, within: seconds) }.sorted()
        let isNews = ownWord.withLock { word in
            guard word.nodes != nodes || now - word.at >= OtherControls.interval || now < word.at else { return false }
            word = OwnWord(nodes: nodes, at: now)
            return true
        }
        do throws(StoreError) {
            if isNews { try await store.alive(settings.id, doors: settings.doors, nodes: nodes, at: now) }
            let records = try await store.controls(since: controls.withLock { $0.marks })
            let (fresh, doors) = controls.withLock { ($0.take(records, at: now), $0.doors(at: now)) }
            for record in fresh {
                roster.withLock { $0.hear(record.nodes, from: record.id, at: now, after: seconds) }
            }
            let all = settings.doors + doors.filter { !settings.doors.contains($0) }
            state.withLock { $0.doors = all }
        } catch {
            // Nothing was said: it is said again.
            ownWord.withLock { $0 = OwnWord() }
            logger.warning("other controls were not asked", metadata: ["error": "\(error)"])
        }
    }

    /// Nodes, of these or of all, that take no new jobs.
    func resting(_ nodes: [NodeID]? = nil) -> Set<NodeID> {
        func rests(_ state: NodeState?) -> Bool { state == .drained || state == .cloned || state == .pending }
        return roster.withLock { roster in
            guard let nodes else { return Set(roster.seats.values.map(\.record).filter { rests($0.state) }.map(\.id)) }
            return Set(nodes.filter { rests(roster[$0]?.record.state) })
        }
    }

    /// Nodes that are in the fleet no more. One that this control does not know may have joined at another one.
    func removed(of nodes: [NodeID]) async -> [NodeID] {
        let (revoked, unknown) = roster.withLock { roster in
            (nodes.filter { roster[$0]?.record.state == .revoked }, nodes.filter { roster[$0] == nil })
        }
        guard settings.isShared else { return revoked + unknown }
        var removed = revoked
        for node in unknown {
            do throws(StoreError) { if try await store.node(node) == nil { removed.append(node) } } catch {}
        }
        return removed
    }

    /// A job that another control started or moved: nodes that it took for away may be here.
    func bringBack(_ snapshot: JobSnapshot) async {
        guard let machine = snapshot.machine, !machine.state.hasEnded, let lead = lead(snapshot.record.id) else {
            return
        }
        let (now, seconds) = (now(), settings.pace.awayAfter(agents: roster.withLock { $0.present }))
        let missed = machine.targets.filter { $0.isAway && !$0.state.hasEnded }.map(\.node)
        guard !missed.isEmpty else { return }
        let here = roster.withLock { roster in missed.filter { roster.isHeardHere($0, at: now, within: seconds) } }
        guard !here.isEmpty else { return }
        do throws(StoreError) {
            try await lead.report(here.map { JobLead.Report(node: $0, attempt: nil, report: .back, detail: nil) })
        } catch {
            logger.warning(
                "nodes were not brought back", metadata: ["job": "\(snapshot.record.id)", "error": "\(error)"])
        }
    }
}

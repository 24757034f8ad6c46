import Fleet
import FleetStore
import Synchronization

/// The nodes of the fleet in memory. Owns the ``Roster``: each read and each change of it is one method here, under one
/// lock, and requests that a change lets go are resumed after it. It decides nothing about jobs, and asks the database
/// only whether a node is still in the fleet.
final class Nodes: Sendable {
    private let database: ControlDatabase
    private let pace: SyncPace
    /// Whether there may be other controls of the same database.
    private let isShared: Bool
    private let roster = Mutex(Roster())

    init(_ database: ControlDatabase, _ settings: ControlSettings) {
        self.database = database
        pace = settings.pace
        isShared = settings.isShared
    }

    // MARK: One node

    subscript(_ id: NodeID) -> Roster.Seat? { roster.withLock { $0[id] } }

    /// The node with this id or name.
    func seat(_ text: String) -> Roster.Seat? {
        roster.withLock { roster in (NodeID(text) ?? roster.names[text]).flatMap { roster[$0] } }
    }

    func record(of id: NodeID) -> NodeRecord? { roster.withLock { $0[id]?.record } }
    func state(of id: NodeID) -> NodeState? { roster.withLock { $0[id]?.record.state } }
    func name(of id: NodeID) -> String? { roster.withLock { $0[id]?.record.name } }
    func site(of id: NodeID) -> String? { roster.withLock { $0[id]?.record.site } }

    // MARK: Several nodes

    var isEmpty: Bool { roster.withLock { $0.seats.isEmpty } }
    var seats: [Roster.Seat] { roster.withLock { Array($0.seats.values) } }

    /// All nodes, and whether each is away.
    var members: [(record: NodeRecord, isAway: Bool)] {
        roster.withLock { $0.seats.values.map { ($0.record, $0.isAway) } }
    }

    /// A part of all nodes, by name, see ``Roster/page(after:limit:)``.
    func page(after: String?, limit: Int) -> (seats: [Roster.Seat], next: String?, total: Int) {
        roster.withLock { roster in
            let page = roster.page(after: after, limit: limit)
            return (page.seats, page.next, roster.seats.count)
        }
    }

    func records(where isIncluded: (Roster.Seat) -> Bool) -> [NodeRecord] {
        roster.withLock { $0.seats.values.filter(isIncluded).map(\.record) }
    }

    /// The records of those of these nodes that are known.
    func records(of nodes: [NodeID]) -> [NodeID: NodeRecord] {
        roster.withLock { roster in
            nodes.reduce(into: [:]) { records, node in records[node] = roster[node]?.record }
        }
    }

    /// The names of those of these nodes that are known.
    func names(of nodes: [NodeID]) -> [NodeID: String] {
        roster.withLock { roster in
            nodes.reduce(into: [:]) { names, node in names[node] = roster[node]?.record.name }
        }
    }

    /// Those of these nodes that are known and are as wanted.
    func filter(_ nodes: [NodeID], where isIncluded: (Roster.Seat) -> Bool) -> [NodeID] {
        roster.withLock { roster in nodes.filter { roster[$0].map(isIncluded) ?? false } }
    }

    /// Of the targets of a new job: those that are away, or unknown, and those that take nothing new.
    func absent(of targets: [NodeID]) -> (away: [NodeID], drained: [NodeID]) {
        roster.withLock { $0.absent(of: targets) }
    }

    /// How many of these nodes are at each site.
    func countBySite(_ nodes: Set<NodeID>) -> [String: Int] { roster.withLock { $0.countBySite(nodes) } }

    /// Nodes, of these or of all, that take no new jobs.
    func resting(_ nodes: [NodeID]? = nil) -> Set<NodeID> { roster.withLock { $0.resting(nodes) } }

    /// Nodes that are in the fleet no more. One that this control does not know may have joined at another one.
    func removed(of nodes: [NodeID]) async -> [NodeID] {
        let (revoked, unknown) = roster.withLock { roster in
            (nodes.filter { roster[$0]?.record.state == .revoked }, nodes.filter { roster[$0] == nil })
        }
        guard isShared else { return revoked + unknown }
        var removed = revoked
        for node in unknown {
            do throws(StoreError) { if try await database.store.node(node) == nil { removed.append(node) } } catch {}
        }
        return removed
    }

    // MARK: Records

    /// Control has started: these are the nodes, and it waits for a word of each.
    func begin(with nodes: [NodeRecord], at now: Double) {
        roster.withLock { roster in
            for node in nodes { roster.put(node) }
            roster.awaitAll(at: now)
        }
    }

    /// Adds a node, or replaces its record, see ``Roster/put(_:)``.
    func put(_ node: NodeRecord) { roster.withLock { _ = $0.put(node) } }

    /// A host has joined, see ``Roster/join(_:)``.
    func join(_ node: NodeRecord) { roster.withLock { $0.join(node) } }

    /// This control has changed a node, see ``Roster/take(_:)``.
    /// - Returns: its record before; nil if it was not known, or a later change is known.
    func take(_ node: NodeRecord) -> NodeRecord? { roster.withLock { $0.take(node) } }

    /// Forgets a node, and ends its waiting request.
    func remove(_ id: NodeID) { roster.withLock { $0.remove(id) }?.resume.resume() }

    /// The same if its record is this one still: it may have joined again meanwhile.
    func remove(_ id: NodeID, ifRevision revision: Int64?) {
        roster.withLock { $0[id]?.record.revision == revision ? $0.remove(id) : nil }?.resume.resume()
    }

    // MARK: What a node says

    func hasSequence(_ id: NodeID) -> Bool { roster.withLock { $0[id]?.sequence } != nil }

    /// Sets where a node's requests go on, unless that is known already.
    func begin(_ sequence: SyncSequence, of id: NodeID) {
        roster.withLock { roster in
            roster.change(id) { seat in if seat.sequence == nil { seat.sequence = sequence } }
        }
    }

    /// Counts a node's request.
    /// - Parameter next: the nonce of its answer.
    func count(_ request: SyncRequest, of id: NodeID, next: String) -> SyncSequence.Refusal? {
        roster.withLock { $0.count(request, of: id, next: next) }
    }

    /// Notes a sync, see ``Roster/hear(_:at:clock:)``.
    /// - Returns: whether the node was away.
    func hear(_ id: NodeID, at now: Double, clock: Double) -> Bool {
        roster.withLock { $0.hear(id, at: now, clock: clock) }
    }

    /// A node counts as away again: what was to follow from its return has failed.
    func leave(_ id: NodeID) { roster.withLock { $0.leave(id) } }

    /// A node has accepted commands.
    /// - Parameter hasRestarted: it may need commands again that it had accepted before.
    func accepted(_ commands: [String], by id: NodeID, hasRestarted: Bool) {
        roster.withLock { roster in
            roster.change(id) { seat in
                if hasRestarted { seat.outbox.forgetTaken() }
                seat.outbox.take(commands)
            }
        }
    }

    func note(_ moment: HostMoment, of id: NodeID) {
        roster.withLock { roster in
            roster.change(id) { seat in
                seat.free = moment.free
                seat.utcOffset = moment.utcOffset
                seat.tasks = moment.tasks
            }
        }
    }

    func note(free: [Int64], of id: NodeID) { roster.withLock { roster in roster.change(id) { $0.free = free } } }

    // MARK: Commands and the requests that wait for them

    /// Queues commands for nodes, and ends their waiting requests, so that they get the commands at once.
    func tell(_ commands: [(NodeID, PendingCommand)]) {
        guard !commands.isEmpty else { return }
        let parked = roster.withLock { roster in
            let seconds = pace.awayAfter(agents: roster.present)
            return commands.compactMap { node, command in roster.tell(node, command, awayAfter: seconds) }
        }
        for parked in parked { parked.resume.resume() }
    }

    /// Takes commands from a node's queue that are not to be sent any more, see ``Outbox/drop(_:judgedAt:)``.
    func drop(_ commands: Set<PendingCommand>, of id: NodeID, judgedAt repetitions: Int) {
        roster.withLock { roster in roster.change(id) { $0.outbox.drop(commands, judgedAt: repetitions) } }
    }

    /// Waits until there are commands for a node, or its request has waited for as long as it may.
    func wait(_ id: NodeID, from now: Double) async {
        let until = now + interval
        await withCheckedContinuation { continuation in
            for resumed in roster.withLock({ $0.park(id, until: until, continuation) }) { resumed.resume() }
        }
    }

    /// Number of requests that wait for commands.
    var waiting: Int { roster.withLock { $0.waiting } }
    func isWaiting(_ id: NodeID) -> Bool { roster.withLock { $0.isWaiting(id) } }

    /// Ends the waiting request of a node.
    func wake(_ id: NodeID) { roster.withLock { $0.unpark(id) }?.resume.resume() }

    /// Ends the waiting requests of these nodes.
    func wake(_ nodes: [NodeID]) { resume(roster.withLock { roster in nodes.compactMap { roster.unpark($0) } }) }

    /// Ends the requests whose waiting time is over.
    func wakeDue(at now: Double) { resume(roster.withLock { $0.unparkDue(at: now) }) }

    func wakeAll() { resume(roster.withLock { $0.unparkAll() }) }

    private func resume(_ parked: [Roster.Parked]) { for parked in parked { parked.resume.resume() } }

    // MARK: Presence

    /// Number of nodes that are not away.
    var present: Int { roster.withLock { $0.present } }
    /// Seconds without a sync after which a node counts as away.
    var awayAfter: Double { pace.awayAfter(agents: present) }
    /// Seconds between two requests of a node.
    var interval: Double { pace.interval(agents: present) }

    /// When a node was last heard, here or elsewhere, or control began to wait for it, in seconds since 1970; 0 if it
    /// is unknown.
    func lastHeard(_ id: NodeID) -> Double {
        roster.withLock { roster in
            roster[id].map { max($0.heard, $0.elsewhere?.at ?? 0, $0.awaitedSince ?? 0) }
        } ?? 0
    }

    /// Another control hears of these nodes, and of no others.
    /// - Parameter seconds: after which a node counts as away.
    func hear(_ nodes: [NodeID], from control: String, at now: Double, after seconds: Double) {
        roster.withLock { $0.hear(nodes, from: control, at: now, after: seconds) }
    }

    /// Nodes that are with this control.
    func heardHere(at now: Double, within seconds: Double) -> [NodeID] {
        roster.withLock { $0.heardHere(at: now, within: seconds) }
    }

    /// Those of these nodes that are with this control.
    func heardHere(of nodes: [NodeID], at now: Double, within seconds: Double) -> [NodeID] {
        roster.withLock { roster in nodes.filter { roster.isHeardHere($0, at: now, within: seconds) } }
    }

    /// Nodes that were not heard of for too long, here or elsewhere. They count as away now.
    func findAway(at now: Double) -> [Roster.Seat] {
        let seconds = awayAfter
        return roster.withLock { roster in roster.findAway(at: now, after: seconds).compactMap { roster[$0] } }
    }

    /// What the store does not know of presence yet, see ``Roster/takeUnwritten(most:at:)``.
    func takeUnwritten(most: Int, at now: Double) -> [(id: NodeID, at: Double, sequence: SyncSequence)] {
        roster.withLock { $0.takeUnwritten(most: most, at: now) }
    }

    func clockJumped(to now: Double) { roster.withLock { $0.clockJumped(to: now) } }
}

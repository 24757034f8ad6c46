import Fleet
import FleetStore
import Synchronization

/// The nodes in memory: their records, when they were last heard, and their queued commands. A sync without news
/// changes only this, and not the database.
struct Roster: Sendable {
    struct Parked: Sendable {
        let until: Double
        let resume: CheckedContinuation<Void, Never>
    }

    private(set) var seats: [NodeID: Seat] = [:]
    /// Syncs that wait for commands.
    private var parked: [NodeID: Parked] = [:]
    private(set) var names: [String: NodeID] = [:]
    /// The nodes in the order of ``NameKey``; nil when it is to be made anew.
    private var ordered: [NameKey]?
    /// Number of nodes that are not away.
    private(set) var present = 0

    subscript(_ id: NodeID) -> Seat? { seats[id] }

    /// A part of all nodes, by name. Costs as much as the part is long, unless nodes came, went or were renamed since.
    /// - Parameter after: the key of the node before the first one; nil to begin with the first.
    /// - Returns: the nodes, and the key of the last one if there are more.
    mutating func page(after: String?, limit: Int) -> (seats: [Seat], next: String?) {
        let all = ordered ?? seats.values.map { NameKey($0.record) }.sorted { $0.text < $1.text }
        ordered = all
        var (low, high) = (0, all.count)
        while let after, low < high {
            let middle = (low + high) / 2
            if all[middle].text <= after { low = middle + 1 } else { high = middle }
        }
        let page = all[low...].prefix(limit)
        return (page.compactMap { seats[$0.id] }, page.endIndex < all.endIndex ? page.last?.text : nil)
    }

    var waiting: Int { parked.count }
    func isWaiting(_ id: NodeID) -> Bool { parked[id] != nil }

    /// Of the targets of a new job: those that are away, or unknown, and those that take nothing new.
    func absent(of targets: [NodeID]) -> (away: [NodeID], drained: [NodeID]) {
        (targets.filter { seats[$0]?.isAway ?? true }, targets.filter { seats[$0]?.record.state == .drained })
    }

    /// How many of these nodes are at each site.
    func countBySite(_ nodes: Set<NodeID>) -> [String: Int] {
        nodes.reduce(into: [:]) { counts, node in
            if let site = seats[node]?.record.site { counts[site, default: 0] += 1 }
        }
    }

    /// Nodes, of these or of all, that take no new jobs.
    func resting(_ nodes: [NodeID]?) -> Set<NodeID> {
        func rests(_ state: NodeState?) -> Bool { state == .drained || state == .cloned || state == .pending }
        guard let nodes else { return Set(seats.values.map(\.record).filter { rests($0.state) }.map(\.id)) }
        return Set(nodes.filter { rests(seats[$0]?.record.state) })
    }

    /// Adds a node, or replaces its record. A change that was made earlier than the known one is news of yesterday: it was
    /// only heard later.
    /// - Returns: whether this is its record now.
    @discardableResult
    mutating func put(_ record: NodeRecord) -> Bool {
        let before = seats[record.id]?.record
        if let before, before.revision > record.revision { return false }
        if let known = seats[record.id], known.record.name != record.name, names[known.record.name] == record.id {
            names[known.record.name] = nil
        }
        names[record.name] = record.id
        if seats[record.id]?.record.name != record.name { ordered = nil }
        if seats[record.id] == nil {
            seats[record.id] = Seat(record: record)
        } else {
            seats[record.id]?.record = record
        }
        // The two hosts with one key are not distinguished: the next one that syncs is accepted.
        if before?.state == .cloned, record.state == .active { seats[record.id]?.sequence = SyncSequence() }
        return true
    }

    /// A host has joined. One that joins with a new key starts its sequence at 1.
    mutating func join(_ record: NodeRecord) {
        put(record)
        seats[record.id]?.sequence = SyncSequence()
    }

    /// This control has changed a node.
    /// - Returns: its record before; nil if it was not known, or a later change is known.
    mutating func take(_ record: NodeRecord) -> NodeRecord? {
        let before = seats[record.id]?.record
        return put(record) ? before : nil
    }

    /// - Returns: the node's waiting request, to be resumed.
    mutating func remove(_ id: NodeID) -> Parked? {
        guard let seat = seats.removeValue(forKey: id) else { return nil }
        ordered = nil
        if names[seat.record.name] == id { names[seat.record.name] = nil }
        if !seat.isAway { present -= 1 }
        return unpark(id)
    }

    /// Counts a node's request.
    /// - Parameter next: the nonce of its answer.
    mutating func count(_ request: SyncRequest, of id: NodeID, next: String) -> SyncSequence.Refusal? {
        guard let seat = seats[id] else { return nil }
        var sequence = seat.sequence ?? SyncSequence()
        if let elsewhere = seat.elsewhere, elsewhere.at > seat.heard { sequence.wasElsewhere() }
        defer { seats[id]?.sequence = sequence }
        do throws(SyncSequence.Refusal) {
            _ = try sequence.receive(request.number, request: request.request, returning: request.nonce, next: next)
            return nil
        } catch { return error }
    }

    /// Notes a sync. `clock` is the difference of the node's clock in seconds.
    /// - Returns: whether the node was away.
    mutating func hear(_ id: NodeID, at now: Double, clock: Double) -> Bool {
        guard let seat = seats[id] else { return false }
        seats[id]?.heard = now
        seats[id]?.awaitedSince = nil
        seats[id]?.clock = clock
        seats[id]?.isUnwritten = true
        guard seat.isAway else { return false }
        seats[id]?.isAway = false
        present += 1
        return true
    }

    /// Another control hears of these nodes, and of no others.
    /// - Parameter seconds: after which a node counts as away.
    mutating func hear(_ nodes: [NodeID], from control: String, at now: Double, after seconds: Double) {
        let heard = Set(nodes)
        for index in seats.indices {
            guard let last = seats.values[index].elsewhere, last.control == control, !heard.contains(seats.keys[index])
            else { continue }
            seats.values[index].elsewhere = (control, min(last.at, now - seconds))
        }
        for id in nodes {
            guard let index = seats.index(forKey: id) else { continue }
            seats.values[index].elsewhere = (control, now)
            seats.values[index].awaitedSince = nil
            guard seats.values[index].isAway else { continue }
            seats.values[index].isAway = false
            present += 1
        }
    }

    func isHeardHere(_ id: NodeID, at now: Double, within seconds: Double) -> Bool {
        guard let seat = seats[id] else { return false }
        return seat.heard + seconds >= now || parked[id] != nil
    }

    /// Nodes that are with this control.
    func heardHere(at now: Double, within seconds: Double) -> [NodeID] {
        seats.filter { $0.value.heard + seconds >= now || parked[$0.key] != nil }.map(\.key)
    }

    /// Nodes that were not heard of for so long, here or elsewhere.
    mutating func findAway(at now: Double, after seconds: Double) -> [NodeID] {
        var found: [NodeID] = []
        for index in seats.indices {
            let seat = seats.values[index]
            let last = max(seat.heard, seat.elsewhere?.at ?? 0, seat.awaitedSince ?? 0)
            guard !seat.isAway || seat.awaitedSince != nil, last + seconds < now else { continue }
            let id = seats.keys[index]
            if parked[id] == nil { found.append(id) }
        }
        for id in found {
            if seats[id]?.isAway == false { present -= 1 }
            seats[id]?.isAway = true
            seats[id]?.awaitedSince = nil
        }
        return found
    }

    /// A node counts as away again: what was to follow from its return has failed.
    mutating func leave(_ id: NodeID) {
        guard let index = seats.index(forKey: id), !seats.values[index].isAway else { return }
        seats.values[index].isAway = true
        present -= 1
    }

    /// The clock was set, or this process stood still for long: nothing can be said of the time before.
    mutating func clockJumped(to now: Double) {
        for index in seats.indices {
            seats.values[index].heard = min(seats.values[index].heard, now)
            if let last = seats.values[index].elsewhere {
                seats.values[index].elsewhere = (last.control, min(last.at, now))
            }
            if !seats.values[index].isAway || seats.values[index].awaitedSince != nil {
                seats.values[index].awaitedSince = now
            }
        }
    }

    /// Control has started: who is not heard of from now on is away.
    mutating func awaitAll(at now: Double) {
        for index in seats.indices where seats.values[index].isAway { seats.values[index].awaitedSince = now }
    }

    /// - Returns: the node's waiting request, to be resumed; nil if there is none or the command is not new.
    /// - Parameter awayAfter: seconds for which a control goes on naming a node that has left it.
    mutating func tell(_ id: NodeID, _ command: PendingCommand, awayAfter: Double = 0) -> Parked? {
        // Who syncs with another control is told there, and of everything that is due when it comes here.
        if let seat = seats[id], let elsewhere = seat.elsewhere, elsewhere.at > seat.heard + awayAfter,
            parked[id] == nil
        {
            seats[id]?.outbox = Outbox()
            return nil
        }
        guard seats[id]?.outbox.add(command) == true else { return nil }
        return unpark(id)
    }

    mutating func change(_ id: NodeID, _ body: (inout Seat) -> Void) {
        guard let index = seats.index(forKey: id) else { return }
        body(&seats.values[index])
    }

    /// Registers a request that waits for commands, unless there are commands already.
    /// - Returns: requests to be resumed at once: this one, or an earlier one of the same node.
    mutating func park(
        _ id: NodeID, until: Double, _ resume: CheckedContinuation<Void, Never>
    ) -> [CheckedContinuation<Void, Never>] {
        guard let seat = seats[id], seat.outbox.isEmpty else { return [resume] }
        let earlier = parked.updateValue(Parked(until: until, resume: resume), forKey: id)
        return earlier.map { [$0.resume] } ?? []
    }

    mutating func unpark(_ id: NodeID) -> Parked? {
        parked.removeValue(forKey: id)
    }

    /// Removes the requests whose waiting time is over.
    mutating func unparkDue(at now: Double) -> [Parked] {
        let due = parked.filter { $0.value.until <= now }
        for (id, request) in due {
            parked[id] = nil
            // While a request waits, the node counts as heard.
            if let heard = seats[id]?.heard { seats[id]?.heard = max(heard, min(now, request.until)) }
        }
        return Array(due.values)
    }

    mutating func unparkAll() -> [Parked] {
        defer { parked = [:] }
        return Array(parked.values)
    }

    /// What the store does not know of presence yet: those first that were written longest ago.
    mutating func takeUnwritten(most: Int, at now: Double) -> [(id: NodeID, at: Double, sequence: SyncSequence)] {
        var waiting = seats.indices.filter { seats.values[$0].isUnwritten }
        if waiting.count > most {
            waiting.sort { seats.values[$0].written < seats.values[$1].written }
            waiting.removeLast(waiting.count - most)
        }
        return waiting.map { index in
            seats.values[index].isUnwritten = false
            seats.values[index].written = now
            return (seats.keys[index], seats.values[index].heard, seats.values[index].sequence ?? SyncSequence())
        }
    }
}

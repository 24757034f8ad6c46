import Fleet
import FleetStore
import Synchronization

/// The nodes as control has them in memory: what the store says, who was heard of when, what each is to be told. A heartbeat
/// changes this and nothing else.
struct Roster: Sendable {
    struct Seat: Sendable {
        var record: NodeRecord
        /// Nil until the node has asked here.
        var sequence: SyncSequence?
        /// Seconds since 1970, by control's clock; 0 where it was not heard of here.
        var heard = 0.0
        /// When another control of the database said last that it hears of the node.
        var elsewhere: (control: String, at: Double)?
        var isAway = true
        /// Seconds that its clock is ahead.
        var clock = 0.0
        /// Free bytes below its roots, as it said last.
        var free: [Int64] = []
        var outbox = Outbox()
        /// Heard of since it was written to the store last.
        var isUnwritten = false
    }

    struct Parked: Sendable {
        let number: UInt64
        let until: Double
        let resume: CheckedContinuation<Void, Never>
    }

    private(set) var seats: [NodeID: Seat] = [:]
    /// Requests that wait for something to say.
    private var parked: [NodeID: Parked] = [:]
    private(set) var names: [String: NodeID] = [:]
    /// Nodes that are not away.
    private(set) var present = 0
    private var parkedNumber: UInt64 = 0

    subscript(_ id: NodeID) -> Seat? { seats[id] }
    var waiting: Int { parked.count }
    func isWaiting(_ id: NodeID) -> Bool { parked[id] != nil }

    /// What the store says of a node, for a node that is new too.
    mutating func put(_ record: NodeRecord) {
        if let known = seats[record.id], known.record.name != record.name, names[known.record.name] == record.id {
            names[known.record.name] = nil
        }
        names[record.name] = record.id
        if seats[record.id] == nil {
            seats[record.id] = Seat(record: record)
        } else {
            seats[record.id]?.record = record
        }
    }

    /// - Returns: a request of it that waits.
    mutating func remove(_ id: NodeID) -> Parked? {
        guard let seat = seats.removeValue(forKey: id) else { return nil }
        if names[seat.record.name] == id { names[seat.record.name] = nil }
        if !seat.isAway { present -= 1 }
        return unpark(id)
    }

    /// - Returns: whether it was away.
    mutating func hear(_ id: NodeID, at now: Double, clock: Double) -> Bool {
        guard let seat = seats[id] else { return false }
        seats[id]?.heard = now
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
            guard !seat.isAway, max(seat.heard, seat.elsewhere?.at ?? 0) + seconds < now else { continue }
            let id = seats.keys[index]
            if parked[id] == nil { found.append(id) }
        }
        for id in found { seats[id]?.isAway = true }
        present -= found.count
        return found
    }

    /// - Returns: a request that waited for it.
    mutating func tell(_ id: NodeID, _ command: PendingCommand) -> Parked? {
        guard seats[id]?.outbox.add(command) == true else { return nil }
        return unpark(id)
    }

    mutating func change(_ id: NodeID, _ body: (inout Seat) -> Void) {
        guard let index = seats.index(forKey: id) else { return }
        body(&seats.values[index])
    }

    /// Keeps a request until there is something to say, unless there is already.
    /// - Returns: what is to be resumed now: this one, or an earlier one of the node.
    mutating func park(
        _ id: NodeID, until: Double, _ resume: CheckedContinuation<Void, Never>
    ) -> [CheckedContinuation<Void, Never>] {
        guard let seat = seats[id], seat.outbox.isEmpty else { return [resume] }
        parkedNumber += 1
        let earlier = parked.updateValue(Parked(number: parkedNumber, until: until, resume: resume), forKey: id)
        return earlier.map { [$0.resume] } ?? []
    }

    mutating func unpark(_ id: NodeID) -> Parked? {
        parked.removeValue(forKey: id)
    }

    /// Requests that have waited long enough.
    mutating func unparkDue(at now: Double) -> [Parked] {
        let due = parked.filter { $0.value.until <= now }
        for (id, request) in due {
            parked[id] = nil
            // A request that waited is as good as one that comes now.
            if let heard = seats[id]?.heard { seats[id]?.heard = max(heard, min(now, request.until)) }
        }
        return Array(due.values)
    }

    mutating func unparkAll() -> [Parked] {
        defer { parked = [:] }
        return Array(parked.values)
    }

    /// What the store does not know of presence yet.
    mutating func takeUnwritten(most: Int) -> [(id: NodeID, at: Double, sequence: SyncSequence)] {
        var found: [(id: NodeID, at: Double, sequence: SyncSequence)] = []
        for index in seats.indices where seats.values[index].isUnwritten {
            guard found.count < most else { break }
            seats.values[index].isUnwritten = false
            found.append(
                (seats.keys[index], seats.values[index].heard, seats.values[index].sequence ?? SyncSequence()))
        }
        return found
    }
}

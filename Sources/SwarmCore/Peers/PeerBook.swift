/// The addresses we know of one torrent's peers, and which to dial next. `Address` is the shell's; this only compares
/// it.
public struct PeerBook<Address: Hashable & Sendable>: Sendable {
    public struct Limits: Sendable {
        /// Addresses remembered.
        public var capacity = 4_000
        /// Connections begun and not yet answered.
        public var halfOpen = 50
        /// Connections, incoming ones included, up to which more are dialled.
        public var connections = 80
        /// Seconds before an address that failed is tried again; doubles each time.
        public var firstRetry = 2.0
        public var longestRetry = 600.0
        /// Failures in a row after which an address nobody names any more is forgotten.
        public var failures = 8

        public init() {}
    }

    /// Where an address comes from; the first that names it decides.
    public enum Origin: Sendable { case configured, tracker, exchange, incoming }

    private struct Entry: Sendable {
        var origin: Origin
        var failures = 0
        var retryAt = 0.0
        var state = State.idle

        enum State: Sendable { case idle, dialling, connected, shunned, banned }
    }

    private let limits: Limits
    private var entries: [Address: Entry] = [:]
    /// Idle addresses in the order in which they are to be tried.
    private var queue: [Address] = []
    public private(set) var dialling = 0

    public init(limits: Limits = Limits()) { self.limits = limits }

    public var count: Int { entries.count }

    public func isBanned(_ address: Address) -> Bool { entries[address]?.state == .banned }
    public func isConnected(_ address: Address) -> Bool { entries[address]?.state == .connected }

    /// What was known already keeps its history, except that a tracker's or user's word gives it a new chance.
    public mutating func learn(_ addresses: some Sequence<Address>, from origin: Origin) {
        for address in addresses {
            if entries[address] != nil {
                if origin != .exchange { entries[address]?.failures = 0 }
                continue
            }
            if entries.count >= limits.capacity { forgetOne() }
            guard entries.count < limits.capacity else { return }
            entries[address] = Entry(origin: origin)
            queue.append(address)
        }
    }

    /// Addresses to dial now; each then counts as half open until ``connected(_:)`` or ``failed(_:now:)``.
    /// - Parameter connections: those there are, half-open ones not counted.
    public mutating func dial(connections: Int, now: Double) -> [Address] {
        guard dialling < limits.halfOpen, connections + dialling < limits.connections else { return [] }
        var chosen: [Address] = []
        var rest: [Address] = []
        for address in queue {
            guard let entry = entries[address], entry.state == .idle else { continue }
            let hasRoom = dialling < limits.halfOpen && connections + dialling < limits.connections
            if hasRoom && entry.retryAt <= now {
                entries[address]?.state = .dialling
                dialling += 1
                chosen.append(address)
            } else {
                rest.append(address)
            }
        }
        queue = rest
        return chosen
    }

    /// Seconds of the clock at which somebody may be dialled, nil when there is nobody.
    public func nextDial() -> Double? { queue.compactMap { entries[$0]?.retryAt }.min() }

    public mutating func connected(_ address: Address) {
        leaveDialling(address)
        entries[address, default: Entry(origin: .incoming)].state = .connected
        entries[address]?.failures = 0
    }

    /// A connection of ours ended, or could not be made.
    public mutating func failed(_ address: Address, now: Double) {
        guard let entry = entries[address], entry.state != .banned else { return }
        leaveDialling(address)
        if entry.origin == .incoming {
            entries[address] = nil
            return
        }
        entries[address]?.state = .idle
        entries[address]?.failures += 1
        let failures = entry.failures + 1
        if failures > limits.failures && entry.origin != .configured {
            entries[address] = nil
            return
        }
        let wait = limits.firstRetry * Double(1 << min(failures - 1, 16))
        entries[address]?.retryAt = now + min(limits.longestRetry, wait)
        queue.append(address)
    }

    /// Not to be dialled nor let in again.
    public mutating func ban(_ address: Address) {
        leaveDialling(address)
        entries[address, default: Entry(origin: .incoming)].state = .banned
    }

    /// It is ourselves, a second way to a peer we have, or has nothing for us: not dialled again, but let in if it
    /// comes.
    public mutating func shun(_ address: Address) {
        leaveDialling(address)
        entries[address, default: Entry(origin: .incoming)].state = .shunned
    }

    private mutating func leaveDialling(_ address: Address) {
        if entries[address]?.state == .dialling { dialling -= 1 }
    }

    private mutating func forgetOne() {
        guard let index = queue.firstIndex(where: { entries[$0]?.origin == .exchange }) ?? queue.indices.first else {
            return
        }
        entries[queue.remove(at: index)] = nil
    }
}

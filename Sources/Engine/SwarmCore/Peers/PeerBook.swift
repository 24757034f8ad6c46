/// The addresses we know of one torrent's peers, and which to dial next. `Address` is the shell's; this only compares
/// it.
///
/// Everything in it is bounded, whatever strangers do: addresses to dial by ``Limits/capacity``, those banned or not to
/// be dialled by ``Limits/outcasts`` each, those connected by the connections there are.
public struct PeerBook<Address: Hashable & Sendable>: Sendable {
    public struct Limits: Sendable {
        /// Addresses remembered, those banned or shunned not counted.
        public var capacity = 4_000
        /// Addresses that are remembered as banned, and as many as shunned. Those named longest ago are forgotten first.
        public var outcasts = 4_000
        /// Connections begun and not yet answered.
        public var halfOpen = 50
        /// Connections, incoming ones included, up to which more are dialled.
        public var connections = 80
        /// Connections that this host dialled, up to which it dials more however many others came in: else strangers who
        /// only connect would keep it from the peers it knows.
        public var dialled = 40
        /// Connections beyond ``dialled`` for addresses that a tracker names, as long as those that other peers named hold
        /// as many: else strangers that peers speak of, and that never say a word, would keep it from the tracker's.
        public var beyondHearsay = 10
        /// Seconds before an address is tried again that this host had no descriptor for.
        public var pause = 1.0
        /// Seconds before an address that failed is tried again; doubles each time.
        public var firstRetry = 2.0
        public var longestRetry = 600.0
        /// Failures in a row after which an address nobody names any more is forgotten.
        public var failures = 8

        public init() {}
    }

    /// Where an address comes from; the first that names it decides. What peers say makes way for what trackers say, and
    /// both for what the user says.
    public enum Origin: Sendable {
        case configured, tracker, exchange, incoming

        fileprivate var isHearsay: Bool { self == .exchange || self == .incoming }
    }

    private struct Entry: Sendable {
        var origin: Origin
        var failures = 0
        var retryAt = 0.0
        var state = State.idle
        /// It stands in the queue; one that is connected may, if it came by itself.
        var isQueued = false

        enum State: Sendable { case idle, dialling, connected }
    }

    /// Addresses forgotten at once when there is no room: looking for them takes as long as the queue.
    private static var makesRoomFor: Int { 64 }

    private let limits: Limits
    private var entries: [Address: Entry] = [:]
    /// Idle addresses in the order in which they are to be tried.
    private var queue: [Address] = []
    private var banned: RecentKeys<Address, Void>
    /// With what was known of them, for when there is reason to dial them after all.
    private var shunned: RecentKeys<Address, Entry>
    public private(set) var dialling = 0
    private var hasConfigured = false

    public init(limits: Limits = Limits()) {
        self.limits = limits
        banned = RecentKeys(capacity: limits.outcasts)
        shunned = RecentKeys(capacity: limits.outcasts)
    }

    /// Addresses remembered, those banned or shunned included.
    public var count: Int { entries.count + banned.count + shunned.count }

    /// Addresses that wait to be dialled, for tests.
    var queueLength: Int { queue.count }

    public func isBanned(_ address: Address) -> Bool { banned.contains(address) }
    public func isConnected(_ address: Address) -> Bool { entries[address]?.state == .connected }

    /// What was known already keeps its history, except that a tracker's or user's word gives it a new chance.
    public mutating func learn(_ addresses: some Sequence<Address>, from origin: Origin) {
        if origin == .configured { hasConfigured = true }
        for address in addresses {
            if entries[address] != nil {
                if origin != .exchange { entries[address]?.failures = 0 }
                continue
            }
            if banned.contains(address) || shunned.contains(address) { continue }
            if entries.count >= limits.capacity { makeRoom(for: origin) }
            guard entries.count < limits.capacity || origin == .configured else { return }
            entries[address] = Entry(origin: origin, isQueued: true)
            queue.append(address)
        }
    }

    /// Addresses to dial now; each then counts as half open until ``connected(_:)``, ``failed(_:now:)`` or
    /// ``postponed(_:now:)``. How many others came in does not keep the user's own addresses from being dialled.
    /// - Parameters:
    ///   - connections: those there are, half-open ones not counted.
    ///   - dialled: how many of them this host dialled; nil for all.
    public mutating func dial(connections: Int, dialled: Int? = nil, now: Double) -> [Address] {
        guard dialling < limits.halfOpen, mayHaveRoom(connections, dialled) else { return [] }
        let hearsay = heldByHearsay(connections, dialled)
        var chosen: [Address] = []
        var rest: [Address] = []
        for address in queue {
            guard let entry = entries[address], entry.state == .idle else {
                entries[address]?.isQueued = false
                continue
            }
            let isChosen =
                dialling < limits.halfOpen && entry.retryAt <= now
                && hasRoom(connections, dialled, for: entry.origin, hearsay: hearsay)
            if isChosen {
                entries[address]?.state = .dialling
                entries[address]?.isQueued = false
                dialling += 1
                chosen.append(address)
            } else {
                rest.append(address)
            }
        }
        queue = rest
        return chosen
    }

    private func hasRoom(_ connections: Int, _ dialled: Int?, for origin: Origin, hearsay: Int) -> Bool {
        let own = (dialled ?? connections) + dialling
        if own < limits.dialled || connections + dialling < limits.connections { return true }
        switch origin {
        case .configured: return own < limits.connections
        case .tracker: return own < limits.dialled + min(limits.beyondHearsay, hearsay)
        case .exchange, .incoming: return false
        }
    }

    /// Whether there is room for an address of some origin, without a look at all of them.
    private func mayHaveRoom(_ connections: Int, _ dialled: Int?) -> Bool {
        let most = max(limits.dialled + limits.beyondHearsay, hasConfigured ? limits.connections : 0)
        return (dialled ?? connections) + dialling < most
            || connections + dialling < limits.connections
    }

    /// Connections, also begun ones, to addresses that peers named. Counted only when the answer matters.
    private func heldByHearsay(_ connections: Int, _ dialled: Int?) -> Int {
        guard (dialled ?? connections) + dialling >= limits.dialled, connections + dialling >= limits.connections else {
            return 0
        }
        return entries.values.count { $0.origin == .exchange && $0.state != .idle }
    }

    public mutating func connected(_ address: Address) {
        guard !isBanned(address) else { return }
        leaveDialling(address)
        if entries[address] == nil { entries[address] = shunned[address] ?? Entry(origin: .incoming) }
        shunned[address] = nil
        entries[address]?.state = .connected
        entries[address]?.failures = 0
    }

    /// A connection of ours ended, or could not be made.
    public mutating func failed(_ address: Address, now: Double) {
        if let entry = shunned[address] {
            // The way to this peer that was kept is gone too.
            shunned[address] = nil
            if entries.count >= limits.capacity { makeRoom(for: entry.origin) }
            if entries.count < limits.capacity || entry.origin == .configured { entries[address] = entry }
        }
        guard let entry = entries[address] else { return }
        let failures = entry.failures + 1
        guard entry.origin != .incoming, failures <= limits.failures || entry.origin == .configured else {
            return forget(address)
        }
        leaveDialling(address)
        let wait = limits.firstRetry * Double(1 << min(failures - 1, 16))
        if !entry.isQueued { queue.append(address) }
        entries[address]?.isQueued = true
        entries[address]?.state = .idle
        entries[address]?.failures = failures
        entries[address]?.retryAt = now + min(limits.longestRetry, wait)
    }

    /// It could not be dialled for want of a descriptor here, which is no fault of the peer's.
    public mutating func postponed(_ address: Address, now: Double) {
        guard entries[address]?.state == .dialling else { return }
        leaveDialling(address)
        entries[address]?.state = .idle
        entries[address]?.retryAt = now + limits.pause
        entries[address]?.isQueued = true
        queue.append(address)
    }

    /// Not to be dialled nor let in again.
    public mutating func ban(_ address: Address) {
        forget(address)
        shunned[address] = nil
        banned[address] = ()
    }

    /// It is ourselves, a second way to a peer we have, or has nothing for us: not dialled again, but let in if it
    /// comes.
    public mutating func shun(_ address: Address) {
        guard !isBanned(address) else { return }
        var entry = entries[address] ?? shunned[address] ?? Entry(origin: .incoming)
        forget(address)
        entry.state = .idle
        entry.isQueued = false
        shunned[address] = entry
    }

    private mutating func forget(_ address: Address) {
        leaveDialling(address)
        if entries[address]?.isQueued == true { queue.removeAll { $0 == address } }
        entries[address] = nil
    }

    private mutating func leaveDialling(_ address: Address) {
        if entries[address]?.state == .dialling { dialling -= 1 }
    }

    /// Forgets some idle addresses of the least trusted origin, none that is more trusted than the newcomer's.
    private mutating func makeRoom(for origin: Origin) {
        if forget(where: \.isHearsay) || origin.isHearsay { return }
        _ = forget { $0 != .configured }
    }

    /// - Returns: whether there were any.
    private mutating func forget(where isConcerned: (Origin) -> Bool) -> Bool {
        var left = Self.makesRoomFor
        queue.removeAll { address in
            guard left > 0, let entry = entries[address], entry.state == .idle, isConcerned(entry.origin) else {
                return false
            }
            left -= 1
            entries[address] = nil
            return true
        }
        return left < Self.makesRoomFor
    }
}

/// The known addresses of one torrent's peers, and which of them to dial next. `Address` is a type of the shell; this
/// type only compares addresses.
///
/// Everything is bounded, whatever remote hosts send: addresses to dial by ``Limits/capacity``, banned and shunned
/// addresses by ``Limits/outcasts`` each, connected addresses by the number of connections.
public struct PeerBook<Address: Hashable & Sendable>: Sendable {
    public struct Limits: Sendable {
        /// Maximum number of addresses, without banned and shunned ones.
        public var capacity = 4_000
        /// Maximum number of banned addresses, and of shunned ones. The oldest are dropped first.
        public var outcasts = 4_000
        /// Maximum number of outgoing connections that are not established yet.
        public var halfOpen = 50
        /// Number of connections, including incoming ones, up to which more are dialled.
        public var connections = 80
        /// Number of outgoing connections up to which more are dialled, however many incoming ones there are. Otherwise
        /// hosts that only connect to us could keep us from dialling known peers.
        public var dialled = 40
        /// Number of outgoing connections beyond ``dialled`` for addresses from a tracker, as long as addresses from
        /// other peers hold that many. Otherwise addresses that peers named, and that never send anything, could keep
        /// us from the tracker's addresses.
        public var beyondHearsay = 10
        /// Seconds before an address is tried again for which no descriptor was available.
        public var pause = 1.0
        /// Backoff, in seconds, for an address that failed. Doubles each time.
        public var firstRetry = 2.0
        public var longestRetry = 600.0
        /// Consecutive failures after which an address is dropped, unless the user configured it.
        public var failures = 8

        public init() {}

        /// Fewer connections where pieces are short: every piece is announced to every peer, and among hundreds of hosts that takes
        /// more processor time than the piece itself. Forty are as fast as more where lines are alike.
        /// - Parameter pieceLength: bytes of a piece.
        public init(pieceLength: Int) {
            connections = min(connections, max(connections / 2, pieceLength / Self.bytesOfAnAnnouncement))
            dialled = connections / 2
            beyondHearsay = connections / 8
        }

        /// Bytes of content for each announcement of it.
        private static var bytesOfAnAnnouncement: Int { 8 << 10 }
    }

    /// The source of an address; its first source counts. If there is no room, addresses from peers are dropped first,
    /// then those from trackers; those from the user stay.
    public enum Origin: Sendable {
        case configured, tracker, exchange, incoming

        fileprivate var isHearsay: Bool { self == .exchange || self == .incoming }
    }

    private struct Entry: Sendable {
        var origin: Origin
        var failures = 0
        var retryAt = 0.0
        var state = State.idle
        /// Whether the address is in `queue`. A connected address may be, if it connected to us.
        var isQueued = false

        enum State: Sendable { case idle, dialling, connected }
    }

    /// Number of addresses dropped at once when there is no room: finding them takes time proportional to the queue.
    private static var makesRoomFor: Int { 64 }

    private let limits: Limits
    private var entries: [Address: Entry] = [:]
    /// Idle addresses in the order in which they are tried.
    private var queue: [Address] = []
    private var banned: RecentKeys<Address, Void>
    /// Shunned addresses with their history, in case there is a reason to dial them later.
    private var shunned: RecentKeys<Address, Entry>
    public private(set) var dialling = 0
    private var hasConfigured = false

    public init(limits: Limits = Limits()) {
        self.limits = limits
        banned = RecentKeys(capacity: limits.outcasts)
        shunned = RecentKeys(capacity: limits.outcasts)
    }

    /// Number of addresses, including banned and shunned ones.
    public var count: Int { entries.count + banned.count + shunned.count }

    /// Number of addresses waiting to be dialled, for tests.
    package var queueLength: Int { queue.count }

    public func isBanned(_ address: Address) -> Bool { banned.contains(address) }
    public func isConnected(_ address: Address) -> Bool { entries[address]?.state == .connected }

    /// Adds addresses. Known addresses keep their history, but an address that a tracker or the user names again gets a
    /// new chance.
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

    /// The addresses to dial now. Each counts as half-open until ``connected(_:)``, ``failed(_:now:)`` or
    /// ``postponed(_:now:)``. The number of incoming connections does not keep the user's own addresses from being
    /// dialled.
    /// - Parameters:
    ///   - connections: number of connections, without half-open ones.
    ///   - dialled: how many of them this host opened; nil for all.
    ///   - most: how many addresses to dial at most.
    public mutating func dial(connections: Int, dialled: Int? = nil, most: Int = .max, now: Double) -> [Address] {
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
                chosen.count < most && dialling < limits.halfOpen && entry.retryAt <= now
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

    /// Whether there may be room for an address from some source, without examining all addresses.
    private func mayHaveRoom(_ connections: Int, _ dialled: Int?) -> Bool {
        let most = max(limits.dialled + limits.beyondHearsay, hasConfigured ? limits.connections : 0)
        return (dialled ?? connections) + dialling < most
            || connections + dialling < limits.connections
    }

    /// Number of connections, including half-open ones, to addresses that peers named. Counted only if it matters.
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

    /// Call when an outgoing connection was closed, or could not be established.
    public mutating func failed(_ address: Address, now: Double) {
        if let entry = shunned[address] {
            // The remembered second address of this peer is useless too.
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

    /// Call when no descriptor was available for dialling the address. Does not count as a failure.
    public mutating func postponed(_ address: Address, now: Double) {
        guard entries[address]?.state == .dialling else { return }
        leaveDialling(address)
        entries[address]?.state = .idle
        entries[address]?.retryAt = now + limits.pause
        entries[address]?.isQueued = true
        queue.append(address)
    }

    /// The address must not be dialled and its connections must be refused.
    public mutating func ban(_ address: Address) {
        forget(address)
        shunned[address] = nil
        banned[address] = ()
    }

    /// The address is ourselves, a second address of a connected peer, or has nothing for us: it is not dialled again,
    /// but its incoming connections are accepted.
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

    /// Drops some idle addresses of the least trusted source, none that is more trusted than the new address.
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

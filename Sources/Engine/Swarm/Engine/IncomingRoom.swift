import Admission

/// Limits on incoming connections of one torrent.
struct IncomingLimits: Sendable {
    /// Maximum number of incoming connections of one torrent, without further connections of its peers.
    var most = 1000
    /// Number of connections of one source that do not make it a preferred victim when the torrent is full.
    var share = 2
    /// Seconds after progress during which a connection is not closed for a new one; a fifth of it before the first
    /// progress.
    var protection = 10.0
}

/// Chooses which incoming connection of a full torrent is closed for a new one. Of the source with the most
/// connections, the one without progress for longest; connections that never made progress come first. Pure: the caller
/// closes the connection.
struct IncomingRoom<Key: Hashable> {
    enum Verdict: Equatable {
        case free
        /// There is room after this connection is closed.
        case afterClosing(Key)
        /// Every connection that could be closed has just made progress.
        case full
    }

    private let limits: IncomingLimits
    private var pool = MeritPool()
    private var members: [Key: MeritPool.Member] = [:]
    private var keys: [MeritPool.Member: Key] = [:]
    private var next: MeritPool.Member = 0

    init(limits: IncomingLimits) { self.limits = limits }

    var count: Int { pool.count }

    /// - Parameter now: seconds of a monotonic clock, as in all calls.
    func verdict(for source: Source, now: Double) -> Verdict {
        guard pool.count >= limits.most else { return .free }
        let victim = pool.victim(for: source, share: limits.share, protection: limits.protection, now: now)
        return victim.flatMap { keys[$0] }.map { .afterClosing($0) } ?? .full
    }

    mutating func insert(_ key: Key, from source: Source, now: Double) {
        guard members[key] == nil else { return }
        members[key] = next
        keys[next] = key
        pool.insert(next, from: source, now: now)
        next += 1
    }

    /// A requested block was received from the peer or sent to it.
    mutating func progressed(_ key: Key, now: Double) {
        if let member = members[key] { pool.progressed(member, now: now) }
    }

    mutating func remove(_ key: Key) {
        guard let member = members.removeValue(forKey: key) else { return }
        keys[member] = nil
        pool.remove(member)
    }
}

import Admission

/// Room for those who come to one torrent.
struct IncomingLimits: Sendable {
    /// Incoming connections of one torrent, the further ones of its peers not counted.
    var most = 1000
    /// Connections of one source that are not held against it when the torrent is full.
    var share = 2
    /// Seconds after progress in which a connection is not closed for a newcomer; a fifth of it before the first progress.
    var protection = 10.0
}

/// Which of the incoming connections of one torrent has to go when another comes and the torrent is full: of the source
/// with the most connections, the one that has shown least for longest, those first that never showed any progress. Pure;
/// the caller closes it.
struct IncomingRoom<Key: Hashable> {
    enum Verdict: Equatable {
        case free
        /// There is room once this one is closed.
        case afterClosing(Key)
        /// Everybody who could go has just shown progress.
        case full
    }

    private let limits: IncomingLimits
    private var pool = MeritPool()
    private var members: [Key: MeritPool.Member] = [:]
    private var keys: [MeritPool.Member: Key] = [:]
    private var next: MeritPool.Member = 0

    init(limits: IncomingLimits) { self.limits = limits }

    var count: Int { pool.count }

    /// - Parameter now: seconds of a clock that does not go back, as in all calls.
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

    /// A block that was asked for came from it or went to it.
    mutating func progressed(_ key: Key, now: Double) {
        if let member = members[key] { pool.progressed(member, now: now) }
    }

    mutating func remove(_ key: Key) {
        guard let member = members.removeValue(forKey: key) else { return }
        keys[member] = nil
        pool.remove(member)
    }
}

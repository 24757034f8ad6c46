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
    /// Seconds after its beginning during which a connection that makes progress is not closed for a new one.
    var youth = 30.0
}

/// Chooses which incoming connection of a full torrent is closed for a new one. Of the source with the most
/// connections, the one without progress for longest; connections that never made progress come first. Where all make
/// progress, the one that brings least goes. Pure: the caller closes the connection.
struct IncomingRoom<Key: Hashable> {
    enum Verdict: Equatable {
        case free
        /// There is room after this connection is closed.
        case afterClosing(Key)
        /// Every connection has begun or made progress just now.
        case full
    }

    private let limits: IncomingLimits
    private var pool = MeritPool()
    private struct Member {
        let number: MeritPool.Member
        let since: Double
        /// Blocks received and sent.
        var blocks = 0
    }

    private var members: [Key: Member] = [:]
    private var keys: [MeritPool.Member: Key] = [:]
    private var next: MeritPool.Member = 0

    init(limits: IncomingLimits) { self.limits = limits }

    var count: Int { pool.count }

    /// - Parameter now: seconds of a monotonic clock, as in all calls.
    func verdict(for source: Source, now: Double) -> Verdict {
        guard pool.count >= limits.most else { return .free }
        let victim = pool.victim(for: source, share: limits.share, protection: limits.protection, now: now)
        return (victim.flatMap { keys[$0] } ?? leastUseful(now: now)).map { .afterClosing($0) } ?? .full
    }

    /// The connection with the fewest blocks a second, without those that are young.
    private func leastUseful(now: Double) -> Key? {
        var least: (key: Key, rate: Double, since: Double)?
        for (key, member) in members where now - member.since >= limits.youth {
            let rate = Double(member.blocks) / (now - member.since)
            if let found = least, (found.rate, found.since) <= (rate, member.since) { continue }
            least = (key, rate, member.since)
        }
        return least?.key
    }

    mutating func insert(_ key: Key, from source: Source, now: Double) {
        guard members[key] == nil else { return }
        members[key] = Member(number: next, since: now)
        keys[next] = key
        pool.insert(next, from: source, now: now)
        next += 1
    }

    /// A requested block was received from the peer or sent to it.
    mutating func progressed(_ key: Key, now: Double) {
        guard let member = members[key] else { return }
        members[key]?.blocks += 1
        pool.progressed(member.number, now: now)
    }

    mutating func remove(_ key: Key) {
        guard let member = members.removeValue(forKey: key) else { return }
        keys[member.number] = nil
        pool.remove(member.number)
    }
}

/// Limits the share of our uplink for peers without precedence, while peers with precedence are waiting too.
///
/// A host behind a firewall gets pieces only from peers it has dialled. If these use their uplinks for each other, it
/// falls behind, and its own uplink, which could have served them, is idle. So the other peers yield: their share
/// shrinks while that gives peers with precedence more, and grows while it costs them nothing, as when the downlink of
/// those peers is the limit. Bytes and seconds.
public struct YieldingShare: Sendable {
    private enum Constant {
        /// Seconds between two adjustments.
        static let period = 0.5
        /// After this many seconds without an adjustment, the counts are out of date.
        static let forgotten = 2.0
        /// If the rate of peers with precedence falls below this fraction of its best, the others are throttled.
        static let tolerated = 0.94
        /// Factor by which the best rate decays at each adjustment, because links change.
        static let memory = 0.995
        static let growth = 1.08
        static let cut = 0.5
        static let first = 0.1
        /// Minimum bytes per second for all yielding peers together.
        static let least = 64.0 * 1024
        static let most = 1e10
    }

    private var bucket: TokenBucket
    private var since: Double
    private var firstBytes = 0.0
    private var yieldingBytes = 0.0
    private var best = 0.0
    private var wasContested = false
    /// Limit for all yielding peers together, in bytes per second; nil for no limit.
    public private(set) var limit: Double?

    public init(now: Double) {
        bucket = TokenBucket(rate: nil, now: now)
        since = now
    }

    public mutating func sent(_ bytes: Int, goesFirst: Bool) {
        if goesFirst {
            firstBytes += Double(bytes)
        } else {
            yieldingBytes += Double(bytes)
            bucket.spend(bytes)
        }
    }

    /// Call a few times a second.
    /// - Parameter isContested: whether a peer with precedence is waiting for blocks.
    public mutating func look(isContested: Bool, now: Double) {
        wasContested = wasContested || isContested
        let elapsed = now - since
        guard elapsed >= Constant.period else { return }
        guard elapsed < Constant.forgotten else {
            (since, firstBytes, yieldingBytes) = (now, 0, 0)
            return
        }
        let first = firstBytes / elapsed
        let yielding = yieldingBytes / elapsed
        defer {
            since = now
            firstBytes = 0
            yieldingBytes = 0
            wasContested = false
        }
        guard wasContested else {
            best = 0
            limit = nil
            return bucket.setRate(nil, now: now)
        }
        best = max(best * Constant.memory, first)
        let next: Double
        if let limit {
            next = limit * (first < best * Constant.tolerated ? Constant.cut : Constant.growth)
        } else {
            next = yielding * Constant.first
        }
        let bounded = min(max(next, Constant.least), Constant.most)
        limit = bounded
        bucket.setRate(Int(bounded), now: now)
    }

    /// Seconds until `bytes` may be sent to a yielding peer; 0 if they may be sent now. Use only while a peer with
    /// precedence is waiting.
    public mutating func delay(for bytes: Int, now: Double) -> Double { bucket.delay(for: bytes, now: now) }
}

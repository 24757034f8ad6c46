/// What of our uplink goes to other peers while some that go first wait for us too.
///
/// A host behind a firewall gets pieces only from those it has dialled. When these spend their uplinks on each other,
/// it falls behind, and its own uplink, which could have served them, idles. So the others yield: their share shrinks
/// while that brings more to those who go first, and grows while it takes nothing from them, as when a line of
/// theirs is the narrow one. Bytes and seconds.
public struct YieldingShare: Sendable {
    private enum Constant {
        /// Seconds between two looks.
        static let period = 0.5
        /// Nobody looked for so long: what was counted says nothing of now.
        static let forgotten = 2.0
        /// A fall of what the first get, below their best, that is blamed on the others.
        static let tolerated = 0.94
        /// Their best is forgotten by this factor at each look, since lines change.
        static let memory = 0.995
        static let growth = 1.08
        static let cut = 0.5
        static let first = 0.1
        /// Bytes per second that the yielding get at least.
        static let least = 64.0 * 1024
        static let most = 1e10
    }

    private var bucket: TokenBucket
    private var since: Double
    private var firstBytes = 0.0
    private var yieldingBytes = 0.0
    private var best = 0.0
    private var wasContested = false
    /// Bytes per second for the yielding together; nil for no limit.
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

    /// To be called a few times a second.
    /// - Parameter isContested: a peer that goes first waits for blocks.
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

    /// Seconds until `bytes` may go to a peer that yields; 0 when they may now. Only while one that goes first waits.
    public mutating func delay(for bytes: Int, now: Double) -> Double { bucket.delay(for: bytes, now: now) }
}

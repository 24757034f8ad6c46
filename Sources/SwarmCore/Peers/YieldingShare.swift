/// What of our uplink goes to peers that others can serve as well, while peers that nobody can dial wait for us too.
///
/// A host behind a firewall gets pieces only from those it has dialled. When these spend their uplinks on each other,
/// it falls behind, and its own uplink, which could have served them, idles. So the others yield: their share shrinks
/// while that brings more to those who depend on us, and grows while it takes nothing from them, as when a line of
/// theirs is the narrow one. Bytes and seconds.
public struct YieldingShare: Sendable {
    private enum Constant {
        /// Seconds between two looks.
        static let period = 0.5
        /// A fall of what the dependent get, below their best, that is blamed on the others.
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
    private var dependentBytes = 0.0
    private var yieldingBytes = 0.0
    private var best = 0.0
    private var wasContested = false
    /// Bytes per second for the yielding together; nil for no limit.
    public private(set) var limit: Double?

    public init(now: Double) {
        bucket = TokenBucket(rate: nil, now: now)
        since = now
    }

    public mutating func sent(_ bytes: Int, toDependent: Bool) {
        if toDependent {
            dependentBytes += Double(bytes)
        } else {
            yieldingBytes += Double(bytes)
            bucket.spend(bytes)
        }
    }

    /// To be called a few times a second.
    /// - Parameter isContested: a peer that depends on us waits for blocks.
    public mutating func look(isContested: Bool, now: Double) {
        wasContested = wasContested || isContested
        let elapsed = now - since
        guard elapsed >= Constant.period else { return }
        let dependent = dependentBytes / elapsed
        let yielding = yieldingBytes / elapsed
        defer {
            since = now
            dependentBytes = 0
            yieldingBytes = 0
            wasContested = false
        }
        guard wasContested else {
            best = 0
            limit = nil
            return bucket.setRate(nil, now: now)
        }
        best = max(best * Constant.memory, dependent)
        let next: Double
        if let limit {
            next = limit * (dependent < best * Constant.tolerated ? Constant.cut : Constant.growth)
        } else {
            next = yielding * Constant.first
        }
        let bounded = min(max(next, Constant.least), Constant.most)
        limit = bounded
        bucket.setRate(Int(bounded), now: now)
    }

    /// Seconds until `bytes` may go to a peer that yields; 0 when they may now. Only while a dependent one waits.
    public mutating func delay(for bytes: Int, now: Double) -> Double { bucket.delay(for: bytes, now: now) }
}

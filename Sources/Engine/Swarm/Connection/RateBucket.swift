import SwarmCore
import Synchronization

/// A rate limit of the process when it has several loops: each draws ahead what it needs for a moment.
final class SharedBucket: Sendable {
    private let bucket: Mutex<TokenBucket>

    init(rate: Int?, now: Double) { bucket = Mutex(TokenBucket(rate: rate, now: now)) }

    func setRate(_ rate: Int?, now: Double) { bucket.withLock { $0.setRate(rate, now: now) } }

    /// - Returns: bytes that the caller may let pass; at most `most`, and none when they are used up.
    func draw(_ most: Int, now: Double) -> Int {
        bucket.withLock { bucket in
            let drawn = min(most, bucket.available(now))
            bucket.spend(drawn)
            return drawn
        }
    }

    /// See ``SwarmCore/TokenBucket``, as for the others.
    func delay(for bytes: Int, now: Double) -> Double { bucket.withLock { $0.delay(for: bytes, now: now) } }
    func spend(_ bytes: Int) { bucket.withLock { $0.spend(bytes) } }
    func charge(_ bytes: Int) { bucket.withLock { $0.charge(bytes) } }
}

/// One rate limit as one loop keeps to it: a bucket of its own, or slices of a ``SharedBucket``. Only for a new slice, or for
/// what was spent beyond the last one, is the lock of that taken.
///
/// Invariant: no bytes pass that were not drawn, but for what callers spend without asking; that is taken from the shared
/// bucket at once, so that all loops wait for it.
struct RateBucket {
    /// A slice is at least a block, and else what flows in within one part of a second in so many.
    private static let slicesPerSecond = 64

    /// Without a shared bucket the tokens are here; with one only the rate is.
    private var own: TokenBucket
    private let shared: SharedBucket?
    /// Bytes that were drawn and have not passed yet.
    private var slice = 0

    init(rate: Int?, now: Double, shared: SharedBucket? = nil) {
        own = TokenBucket(rate: rate, now: now)
        self.shared = shared
    }

    /// Bytes per second; nil for no limit.
    var rate: Int? { own.rate }

    /// The shared bucket is told by its owner.
    mutating func setRate(_ rate: Int?, now: Double) {
        own.setRate(rate, now: now)
        slice = 0
    }

    mutating func available(_ now: Double) -> Int {
        guard let shared else { return own.available(now) }
        guard let rate else { return .max }
        if slice < blockLength { slice += shared.draw(max(rate / Self.slicesPerSecond, blockLength), now: now) }
        return slice
    }

    mutating func delay(for bytes: Int, now: Double) -> Double {
        guard let shared else { return own.delay(for: bytes, now: now) }
        guard let rate else { return 0 }
        let wanted = min(bytes, Int(TokenBucket.capacity(rate)))
        if slice < wanted { slice += shared.draw(max(rate / Self.slicesPerSecond, wanted - slice), now: now) }
        return slice >= wanted ? 0 : shared.delay(for: wanted - slice, now: now)
    }

    mutating func spend(_ bytes: Int) {
        guard let shared else { return own.spend(bytes) }
        let beyond = take(bytes)
        if beyond > 0 { shared.spend(beyond) }
    }

    mutating func charge(_ bytes: Int) {
        guard let shared else { return own.charge(bytes) }
        let beyond = take(bytes)
        if beyond > 0 { shared.charge(beyond) }
    }

    /// - Returns: bytes that the slice does not cover.
    private mutating func take(_ bytes: Int) -> Int {
        guard rate != nil else { return 0 }
        let covered = min(slice, bytes)
        slice -= covered
        return bytes - covered
    }
}

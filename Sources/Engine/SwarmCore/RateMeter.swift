import Glibc

/// Bytes per second, as a moving average over about `window` seconds. Decays while nothing is added.
public struct RateMeter: Sendable {
    /// Total bytes since the beginning.
    public private(set) var total: Int64 = 0
    private let window: Double
    private var value: Double = 0
    private var pending: Double = 0
    private var since: Double
    /// When the first bytes were added.
    private var begun: Double?

    /// - Parameter now: seconds of the caller's clock.
    public init(window: Double = 2, now: Double) {
        self.window = window
        since = now
    }

    public mutating func add(_ bytes: Int, now: Double) {
        if begun == nil { begun = now }
        total += Int64(bytes)
        pending += Double(bytes)
        if now - since >= 0.1 { updateValue(now) }
    }

    /// Bytes per second when bytes were added last, or the rate was asked for; unlike ``rate(_:)`` not less at the beginning, when
    /// the average still has the time before in it. 0 before it is known.
    var latest: Double {
        let age = begun.map { since - $0 } ?? 0
        return age > 0 ? value / (1 - exp(-age / window)) : 0
    }

    /// Bytes per second at time `now`.
    public mutating func rate(_ now: Double) -> Double {
        if now - since >= 0.1 { updateValue(now) }
        return value
    }

    private mutating func updateValue(_ now: Double) {
        let elapsed = now - since
        let weight = exp(-elapsed / window)
        value = value * weight + pending / elapsed * (1 - weight)
        pending = 0
        since = now
    }
}

/// A token bucket. Tokens are bytes; they are added at `rate`, up to a quarter second's worth.
public struct TokenBucket: Sendable {
    /// Bytes per second; nil for no limit.
    public private(set) var rate: Int?
    private var tokens: Double
    private var filledAt: Double

    public init(rate: Int?, now: Double) {
        self.rate = rate
        filledAt = now
        tokens = Self.capacity(rate)
    }

    /// Tokens that gather: at least one full-sized request, so that it can pass at all.
    public static func capacity(_ rate: Int?) -> Double { max(Double(rate ?? 0) / 4, 32 * 1024) }

    public mutating func setRate(_ rate: Int?, now: Double) {
        fill(now)
        self.rate = rate
        tokens = min(tokens, Self.capacity(rate))
    }

    /// Bytes that may pass now; `Int.max` without a limit. Never negative.
    public mutating func available(_ now: Double) -> Int {
        guard rate != nil else { return .max }
        fill(now)
        return max(0, Int(tokens))
    }

    /// Removes tokens. The bucket may become negative; later callers then wait.
    public mutating func spend(_ bytes: Int) {
        if rate != nil { tokens -= Double(bytes) }
    }

    /// Removes tokens for bytes that are sent regardless of the limit. The debt is bounded to a quarter second's worth.
    public mutating func charge(_ bytes: Int) {
        if rate != nil { tokens = min(tokens, max(tokens - Double(bytes), -Self.capacity(rate))) }
    }

    /// Seconds until `bytes` may pass; 0 if they may pass now.
    public mutating func delay(for bytes: Int, now: Double) -> Double {
        guard let rate else { return 0 }
        fill(now)
        let wanted = min(Double(bytes), Self.capacity(rate))
        return tokens >= wanted ? 0 : (wanted - tokens) / Double(max(1, rate))
    }

    private mutating func fill(_ now: Double) {
        defer { filledAt = max(now, filledAt) }
        guard let rate, now > filledAt else { return }
        tokens = min(Self.capacity(rate), tokens + (now - filledAt) * Double(rate))
    }
}

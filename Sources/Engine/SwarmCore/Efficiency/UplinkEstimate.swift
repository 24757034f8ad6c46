/// Estimates a host's uplink in bytes per second: the highest rate measured while peers were waiting for more. A
/// configured upload limit is known at once.
public struct UplinkEstimate: Sendable {
    /// Seconds over which a rate is averaged; shorter averages would follow the bursts of TCP.
    private static let window = 2.0
    /// Number of averages before the estimate counts: the first one covers TCP's slow start.
    private static let least = 2

    private var best = 0.0
    private var averages = 0
    private var bytes: Int64 = 0
    private var seconds = 0.0

    public init() {}

    /// - Parameters:
    ///   - seconds: since the last call.
    ///   - bytes: uploaded since then.
    ///   - isWaitedFor: whether peers were waiting for our uploads both at the beginning and at the end of that time.
    public mutating func observe(seconds elapsed: Double, bytes sent: Int64, isWaitedFor: Bool) {
        guard isWaitedFor else {
            (bytes, seconds) = (0, 0)
            return
        }
        bytes += sent
        seconds += elapsed
        guard seconds >= Self.window else { return }
        // A socket that accepts nothing at all gives no information about the uplink.
        if bytes > 0 {
            best = max(best, Double(bytes) / seconds)
            averages += 1
        }
        (bytes, seconds) = (0, 0)
    }

    /// Discards the current average and begins a new one.
    package mutating func restart() { (bytes, seconds) = (0, 0) }

    /// Bytes per second; nil until peers have been waiting for long enough.
    public var measured: Double? { averages >= Self.least ? best : nil }

    /// - Parameter limit: configured upload limit in bytes per second.
    public func value(limit: Int?) -> Double? { limit.map(Double.init) ?? measured }
}

/// Decides when to tell peers this host's uplink.
public struct UplinkNews: Sendable {
    /// Minimum relative change, and minimum seconds between two messages.
    private static let step = 0.1
    private static let pause = 5.0

    /// The uplink that peers were told last, in bytes per second.
    public private(set) var told: Int?
    private var toldAt = -Double.infinity

    public init() {}

    /// The value to tell peers now; nil if there is nothing new to tell. Never 0.
    public mutating func next(_ uplink: Double?, now: Double) -> Int? {
        guard let uplink, uplink >= 1, now - toldAt >= Self.pause else { return nil }
        if let told, abs(uplink - Double(told)) <= Self.step * Double(told) { return nil }
        toldAt = now
        told = Int(min(uplink, 1e12))
        return told
    }
}

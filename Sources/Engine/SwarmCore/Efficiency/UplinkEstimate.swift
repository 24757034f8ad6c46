/// What a host can send, in bytes per second: the most that it was seen to send while somebody waited for more. A limit
/// that it was given is known at once.
public struct UplinkEstimate: Sendable {
    /// Of an average; shorter ones follow the bursts of TCP.
    private static let window = 2.0
    /// So many averages make a measure: the first one is TCP's beginning.
    private static let least = 2

    private var best = 0.0
    private var averages = 0
    private var bytes: Int64 = 0
    private var seconds = 0.0

    public init() {}

    /// - Parameters:
    ///   - seconds: since the last call.
    ///   - bytes: sent since then.
    ///   - isWaitedFor: peers waited for bytes of ours at the beginning and the end of that time.
    public mutating func observe(seconds elapsed: Double, bytes sent: Int64, isWaitedFor: Bool) {
        guard isWaitedFor else {
            (bytes, seconds) = (0, 0)
            return
        }
        bytes += sent
        seconds += elapsed
        guard seconds >= Self.window else { return }
        // A socket that takes nothing at all says nothing of the line.
        if bytes > 0 {
            best = max(best, Double(bytes) / seconds)
            averages += 1
        }
        (bytes, seconds) = (0, 0)
    }

    /// What was seen of the time that goes on does not count: the next average begins now.
    mutating func restart() { (bytes, seconds) = (0, 0) }

    /// Bytes per second; nil before anybody waited for long enough.
    public var measured: Double? { averages >= Self.least ? best : nil }

    /// - Parameter limit: bytes per second that this host was told to send at most.
    public func value(limit: Int?) -> Double? { limit.map(Double.init) ?? measured }
}

/// When peers are told of a host's uplink.
public struct UplinkNews: Sendable {
    /// Of changes of more than this share, and this many seconds apart.
    private static let step = 0.1
    private static let pause = 5.0

    /// What they were told last, bytes per second.
    public private(set) var told: Int?
    private var toldAt = -Double.infinity

    public init() {}

    /// What peers are to be told of `uplink` now, if that is news. Never 0.
    public mutating func next(_ uplink: Double?, now: Double) -> Int? {
        guard let uplink, uplink >= 1, now - toldAt >= Self.pause else { return nil }
        if let told, abs(uplink - Double(told)) <= Self.step * Double(told) { return nil }
        toldAt = now
        told = Int(min(uplink, 1e12))
        return told
    }
}

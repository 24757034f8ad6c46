/// What a host can send, in bytes per second: the most that it was seen to send while somebody waited for more. A limit
/// that it was given is known at once.
public struct UplinkEstimate: Sendable {
    /// Of an average; shorter ones follow the bursts of TCP.
    private static let window = 2.0
    /// Peers are told of changes of more than this share, and this many seconds apart.
    private static let step = 0.1
    private static let pause = 5.0

    private var measured: Double?
    private var bytes: Int64 = 0
    private var seconds = 0.0
    private var told: Double?
    private var toldAt = -Double.infinity

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
        measured = max(measured ?? 0, Double(bytes) / seconds)
        (bytes, seconds) = (0, 0)
    }

    /// - Parameter limit: bytes per second that this host was told to send at most.
    public func value(limit: Int?) -> Double? { limit.map(Double.init) ?? measured }

    /// What peers are to be told now, if that is news. Never 0.
    public mutating func news(limit: Int?, now: Double) -> Int? {
        guard let value = value(limit: limit), value >= 1, now - toldAt >= Self.pause else { return nil }
        if let told, abs(value - told) <= Self.step * told { return nil }
        (told, toldAt) = (value, now)
        return Int(min(value, Double(Int32.max) * 1_000))
    }
}

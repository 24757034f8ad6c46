/// Limits on the number of connections between two nodes, and the round trip from which a network path is long.
public struct ConnectionLimits: Sendable {
    /// Maximum number of connections to one peer, including the first; 1 disables further connections.
    public var most = 32
    /// Number of connections opened to every peer that accepts them, on any path. For tests.
    public var least = 1
    /// Maximum number of further connections of one torrent.
    public var mostInAll = 64
    /// Minimum round trip of a long path, in seconds. Paths within a site or a region are shorter. Queueing delay of a
    /// shaped link does not count, because the minimum round trip is compared.
    public var longRoundTrip = 0.025
    /// Number of failed further connections after which a peer gets no more.
    public var failures = 6

    public init() {}

    /// - Parameter roundTrip: minimum round trip in seconds; infinity before the first measurement.
    public func isLong(_ roundTrip: Double) -> Bool { roundTrip.isFinite && roundTrip >= longRoundTrip }
}

/// The pacing limit of each connection to a peer that has several connections over a long path with BBR.
///
/// BBR finds the rate of a path by sending faster until the delivery rate stops growing. A connection that reaches the
/// system's limit on data in flight before that never ends its search, sends bursts, and displaces the other
/// connections in the queue. With the limit, no connection gets much more than its share, and together they may exceed
/// the current rate.
public enum PacingShare {
    private static let share = 1.5
    /// Minimum limit in bytes per second.
    private static let least = 2.5e6

    /// - Parameter rate: bytes per second to the peer over all of its connections.
    /// - Returns: bytes per second for each connection; nil for no limit.
    public static func limit(rate: Double, connections: Int) -> Int? {
        connections > 1 ? Int(max(least, share * rate / Double(connections))) : nil
    }
}

/// The congestion control algorithm for a connection's uploads.
public enum CongestionChoice: Sendable, Equatable {
    /// The system's default. The path is short, so there is no need to check again.
    case system
    /// The system's default for now.
    case undecided
    /// BBR, for a long path that loses packets. Algorithms that take loss for congestion (CUBIC, Reno) are slow there:
    /// their rate falls with the delay and with the square root of the loss (Mathis et al. 1997). BBR follows the
    /// delivery rate.
    case bbr

    /// - Parameters:
    ///   - roundTrip: minimum round trip in seconds; infinity before the first measurement.
    ///   - repeated: number of retransmitted segments.
    public static func choose(roundTrip: Double, repeated: Int, limits: ConnectionLimits) -> CongestionChoice {
        guard roundTrip.isFinite else { return .undecided }
        guard roundTrip >= limits.longRoundTrip else { return .system }
        return repeated > 0 ? .bbr : .undecided
    }
}

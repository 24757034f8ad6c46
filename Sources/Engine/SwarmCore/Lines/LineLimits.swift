/// How many connections a pair of nodes may have, and what a long line is.
public struct LineLimits: Sendable {
    /// Connections of one peer, the first included; 1 for no further ones.
    public var most = 32
    /// Connections that are opened to every peer that takes them, whatever the line; for tests.
    public var least = 1
    /// Further connections of one torrent.
    public var mostInAll = 64
    /// Seconds there and back from which a line is long. One of a site, or of a region, is shorter; queues of shaped
    /// lines do not count, as the quickest round trip is meant.
    public var longRoundTrip = 0.025
    /// Further connections that failed, after which a peer gets no more.
    public var failures = 6

    public init() {}
}

/// How fast each of a peer's connections may send at most, where they share a long line and BBR decides.
///
/// BBR finds the rate of a line by sending more and more until that brings no more. A connection that runs out of what
/// the system lets it have in flight before that never ends its search, sends bursts, and takes the place of the others
/// in the queue. None gets much more than its part, and all together more than they have.
public enum PacingShare {
    private static let share = 1.5
    /// Bytes per second.
    private static let least = 2.5e6

    /// - Parameter rate: bytes per second that the peer gets over all of its connections.
    /// - Returns: bytes per second; nil for no limit.
    public static func limit(rate: Double, lines: Int) -> Int? {
        lines > 1 ? Int(max(least, share * rate / Double(lines))) : nil
    }
}

/// Which congestion control a connection is to have for what it sends.
public enum CongestionChoice: Sendable, Equatable {
    /// The system's. The line is short: it need not be asked again.
    case system
    /// The system's for now.
    case undecided
    /// A long line that loses packets. What takes loss for congestion (CUBIC, Reno) crawls there: its rate falls with
    /// the delay and with the root of the loss (Mathis et al. 1997). BBR goes by what arrives.
    case bbr

    /// - Parameters:
    ///   - roundTrip: seconds, the least seen; infinity before the first.
    ///   - repeated: segments that were sent again.
    public static func choose(roundTrip: Double, repeated: Int, limits: LineLimits) -> CongestionChoice {
        guard roundTrip.isFinite else { return .undecided }
        guard roundTrip >= limits.longRoundTrip else { return .system }
        return repeated > 0 ? .bbr : .undecided
    }
}

/// Timing of a `TrackerSchedule`. Times are in seconds.
public struct TrackerScheduleSettings: Sendable, Hashable {
    /// First backoff for a tracker that has never responded: random, from this to twice this, then doubling. Short, so
    /// that a fleet that starts just before its tracker is not delayed.
    public var startupRetry = 1.0
    /// The same for a tracker that has responded before, or that responds with a refusal.
    public var retry = 15.0
    /// Maximum backoff of a failing tracker.
    public var longestRetry = 1_800.0
    /// Minimum time between two announces to a tracker without a minimum interval, if peers are needed early.
    public var earlyInterval = 60.0
    /// Fraction of the interval by which a regular announce may be early, so that the announces of a fleet spread out.
    public var spread = 0.1
    /// Whether the trackers of a tier stay in the order given, and the first that answers is used: for hosts that agree on the order,
    /// and are to meet at one tracker. Else a tier is shuffled, and the one that answered comes first.
    public var keepsOrder = false
    /// How long `stop` waits for outstanding announces, and for an owed `completed`, before it sends `stopped` anyway.
    public var stopGrace = 1.0
    /// Maximum number of peers asked for in one announce.
    public var mostPeersWanted = 200
    /// Maximum number of tiers and of trackers used from a torrent, so that a torrent cannot aim a fleet at a list of
    /// victims.
    public var tiers = 20
    public var trackers = 60

    public init() {}

    public static let standard = TrackerScheduleSettings()
}

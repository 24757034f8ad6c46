/// How a `TrackerSchedule` paces itself. Times are in seconds.
public struct TrackerScheduleSettings: Sendable, Hashable {
    /// First delay after a failure of a tracker that has never answered: drawn from this to twice this, then doubling.
    /// Short, so that a fleet started a moment before its tracker is not held up.
    public var startupRetry = 1.0
    /// The same for a tracker that has answered before, or that answers with a refusal.
    public var retry = 15.0
    /// Longest delay between tries of a failing tracker.
    public var longestRetry = 1_800.0
    /// Shortest time between two announces to a tracker that names no minimum interval, when peers are needed early.
    public var earlyInterval = 60.0
    /// Part of the interval by which a regular announce may come early, so that a fleet spreads out.
    public var spread = 0.1
    /// How long `stop` waits for announces under way, and for an owed `completed`, before it says `stopped` anyway.
    public var stopGrace = 1.0
    /// Most peers asked for in one announce.
    public var mostPeersWanted = 200
    /// Most tiers and most trackers taken from a torrent, so that a torrent cannot aim a fleet at a list of victims.
    public var tiers = 20
    public var trackers = 60

    public init() {}

    public static let standard = TrackerScheduleSettings()
}

/// A point in time: seconds since 1970-01-01 00:00:00 UTC, leap seconds not counted.
public struct Instant: Sendable, Hashable, Comparable {
    public var seconds: Double

    public init(seconds: Double) { self.seconds = seconds }

    public static func < (left: Instant, right: Instant) -> Bool { left.seconds < right.seconds }
    public static func + (left: Instant, interval: Double) -> Instant { Instant(seconds: left.seconds + interval) }
    public static func - (left: Instant, right: Instant) -> Double { left.seconds - right.seconds }
}

/// The time as both clocks of a machine show it when something happens. Waiting is measured on the one that no person
/// sets; windows and seed times go by the one on the wall.
public struct Moment: Sendable, Hashable {
    /// Seconds on a clock that only goes forward, from any beginning.
    public var uptime: Double
    public var wall: Instant

    public init(uptime: Double, wall: Instant) {
        self.uptime = uptime
        self.wall = wall
    }

    /// Both clocks `interval` seconds later, for tests and simulations.
    public func advanced(by interval: Double) -> Moment { Moment(uptime: uptime + interval, wall: wall + interval) }
}

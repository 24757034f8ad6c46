/// A point in time: seconds since 1970-01-01 00:00:00 UTC, without leap seconds.
package struct Instant: Sendable, Hashable, Comparable {
    package var seconds: Double

    package init(seconds: Double) { self.seconds = seconds }

    package static func < (left: Instant, right: Instant) -> Bool { left.seconds < right.seconds }
    package static func + (left: Instant, interval: Double) -> Instant { Instant(seconds: left.seconds + interval) }
    package static func - (left: Instant, right: Instant) -> Double { left.seconds - right.seconds }
}

/// The time of an event on both clocks of a machine. Delays use the monotonic clock; windows and seed times use the
/// wall clock.
package struct Moment: Sendable, Hashable {
    /// Seconds of a monotonic clock, from any beginning.
    package var uptime: Double
    package var wall: Instant

    package init(uptime: Double, wall: Instant) {
        self.uptime = uptime
        self.wall = wall
    }

    /// Both clocks `interval` seconds later, for tests and simulations.
    package func advanced(by interval: Double) -> Moment { Moment(uptime: uptime + interval, wall: wall + interval) }
}

/// A point in time: seconds since 1970-01-01 00:00:00 UTC, leap seconds not counted.
package struct Instant: Sendable, Hashable, Comparable {
    package var seconds: Double

    package init(seconds: Double) { self.seconds = seconds }

    package static func < (left: Instant, right: Instant) -> Bool { left.seconds < right.seconds }
    package static func + (left: Instant, interval: Double) -> Instant { Instant(seconds: left.seconds + interval) }
    package static func - (left: Instant, right: Instant) -> Double { left.seconds - right.seconds }
}

/// The time as both clocks of a machine show it when something happens. Waiting is measured on the one that no person
/// sets; windows and seed times go by the one on the wall.
package struct Moment: Sendable, Hashable {
    /// Seconds on a clock that only goes forward, from any beginning.
    package var uptime: Double
    package var wall: Instant

    package init(uptime: Double, wall: Instant) {
        self.uptime = uptime
        self.wall = wall
    }

    /// Both clocks `interval` seconds later, for tests and simulations.
    package func advanced(by interval: Double) -> Moment { Moment(uptime: uptime + interval, wall: wall + interval) }
}

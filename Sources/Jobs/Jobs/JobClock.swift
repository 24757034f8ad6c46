import Policy
import Threads

/// The time as jobs see it. Injected, so that two days of quiet hours pass in a test in no time.
package protocol JobClock: Sendable {
    var now: Moment { get }
    /// The calendar of windows and of the times that people read.
    var calendar: any WallClock { get }
    /// Returns after this many seconds, or when the task is cancelled.
    func sleep(seconds: Double) async
}

extension JobClock {
    /// `YYYY-MM-DD HH:MM:SS`.
    package var text: String { calendar.text(now.wall) }
}

/// The time of the machine.
package struct SystemJobClock: JobClock {
    package let calendar: any WallClock

    package init(calendar: any WallClock = SystemWallClock()) { self.calendar = calendar }

    package var now: Moment {
        Moment(uptime: Clocks.steadySeconds, wall: Instant(seconds: Clocks.wallSeconds))
    }

    package func sleep(seconds: Double) async {
        try? await Task.sleep(for: .nanoseconds(Int64(min(max(seconds, 0), 86_400) * 1e9)))
    }
}

import Delivery
import Threads

/// The node's clock. Injected, so that a test can pass two days of windows in virtual time.
package protocol NodeClock: Sendable {
    var now: Moment { get }
    /// The calendar for windows and for the times in task files.
    var calendar: any WallClock { get }
    /// Returns after this many seconds, or when the task is cancelled.
    func sleep(seconds: Double) async
}

extension NodeClock {
    /// `YYYY-MM-DD HH:MM:SS`.
    var text: String { calendar.text(now.wall) }
}

/// The system's clock.
package struct SystemNodeClock: NodeClock {
    package let calendar: any WallClock

    package init(calendar: any WallClock = SystemWallClock()) { self.calendar = calendar }

    package var now: Moment {
        Moment(uptime: Clocks.steadySeconds, wall: Instant(seconds: Clocks.wallSeconds))
    }

    package func sleep(seconds: Double) async {
        try? await Task.sleep(for: .nanoseconds(Int64(min(max(seconds, 0), 86_400) * 1e9)))
    }
}

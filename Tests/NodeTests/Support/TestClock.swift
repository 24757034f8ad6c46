import Jobs
import Delivery
import Node
import Synchronization

/// A clock whose wall a test sets, while seconds of waiting pass as they do.
final class TestClock: JobClock {
    let calendar: any WallClock = FixedOffsetClock.utc
    private let shift = Mutex(0.0)

    /// Begins at so many minutes after midnight of some day.
    init(minuteOfDay: Int) {
        let now = SystemJobClock().now.wall.seconds
        shift.withLock {
            $0 =
                1_800_000_000.0 - 1_800_000_000.0.truncatingRemainder(dividingBy: 86_400) + Double(minuteOfDay * 60)
                - now
        }
    }

    var now: Moment {
        var moment = SystemJobClock().now
        moment.wall = moment.wall + shift.withLock { $0 }
        return moment
    }

    func forward(minutes: Double) { shift.withLock { $0 += minutes * 60 } }

    func sleep(seconds: Double) async { await SystemJobClock().sleep(seconds: seconds) }
}

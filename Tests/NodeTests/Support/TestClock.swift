import Jobs
import Node
import Policy
import Synchronization
import TestSupport

/// A clock whose wall a test sets, while seconds of waiting pass as they do.
final class TestClock: JobClock {
    let calendar: any WallClock = FixedOffsetClock.utc
    private let shift = Mutex(0.0)
    /// Who sleeps for a moment before the next look, by a number of its own.
    private let sleepers = Mutex((last: 0, ended: 0, now: Set<Int>()))

    /// Shows the time of the machine.
    init() {}

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

    func sleep(seconds: Double) async {
        guard seconds <= 1 else { return await SystemJobClock().sleep(seconds: seconds) }
        let number = sleepers.withLock { sleepers in
            sleepers.last += 1
            sleepers.now.insert(sleepers.last)
            return sleepers.last
        }
        await SystemJobClock().sleep(seconds: seconds)
        sleepers.withLock { sleepers in
            sleepers.now.remove(number)
            sleepers.ended = max(sleepers.ended, number)
        }
    }

    /// Waits until everybody who looks at something from time to time has done so: what they have not begun then, they do
    /// not begin.
    func everybodyLooks(times: Int = 3) async throws {
        for _ in 0..<times {
            let (sleeping, last) = sleepers.withLock { ($0.now, $0.last) }
            // Somebody has begun to sleep since, and has woken up: what lies between two sleeps is a look.
            try await wait(for: "a look") {
                sleepers.withLock { $0.ended > last && $0.now.isDisjoint(with: sleeping) }
            }
        }
    }
}

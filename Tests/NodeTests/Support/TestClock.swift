import Jobs
import Node
import Policy
import Synchronization
import TestSupport

/// A clock that a test winds forward: who sleeps until then wakes up at once, as if the time had passed. Looks that come more
/// than once a second go on by the machine's time, for what they look at are files and sockets.
final class TestClock: JobClock {
    let calendar: any WallClock = FixedOffsetClock.utc

    private struct Sleeper {
        let end: Double
        let continuation: CheckedContinuation<Void, Never>
        /// For the time that passes by itself.
        let timer: Task<Void, Never>?

        func wake() {
            timer?.cancel()
            continuation.resume()
        }
    }

    private struct State {
        /// The time at which it stands still; nil where it goes as the machine's.
        var beginning: Moment?
        /// Seconds that it was wound forward by.
        var wound = 0.0
        /// Seconds that the wall was set by, beside that.
        var set = 0.0
        /// By a number of each sleep.
        var sleepers: [Int: Sleeper] = [:]
        /// Who sleeps for a moment before the next look.
        var lookers: Set<Int> = []
        var lastLooker = 0
        var lastThatLooked = 0
        var last = 0
    }

    private let state: Mutex<State>

    /// Goes as the machine's does, for what is compared with times of files.
    init() { state = Mutex(State()) }

    /// Stands at so many minutes after midnight of some day: time passes where the test says so, and nowhere else.
    init(minuteOfDay: Int) {
        var state = State()
        let midnight = 1_800_000_000.0 - 1_800_000_000.0.truncatingRemainder(dividingBy: 86_400)
        state.beginning = Moment(uptime: 10_000, wall: Instant(seconds: midnight + Double(minuteOfDay * 60)))
        self.state = Mutex(state)
    }

    var now: Moment { state.withLock { Self.now($0) } }

    private static func now(_ state: State) -> Moment {
        let moment = state.beginning ?? SystemJobClock().now
        return Moment(uptime: moment.uptime + state.wound, wall: moment.wall + state.wound + state.set)
    }

    /// Lets this much time pass.
    func forward(minutes: Double) { forward(seconds: minutes * 60) }

    func forward(seconds: Double) {
        let due = state.withLock { state in
            state.wound += seconds
            let now = Self.now(state).uptime
            let due = state.sleepers.filter { $0.value.end <= now }
            for number in due.keys { state.sleepers[number] = nil }
            return due.values
        }
        for sleeper in due { sleeper.wake() }
    }

    /// Sets the wall's clock, as a person or NTP does: no time passes.
    func setWall(minutes: Double) { state.withLock { $0.set += minutes * 60 } }

    /// Lets time pass, so many seconds before each look, until something holds: for what is tried again and again.
    func forward(seconds: Double, until what: String, _ condition: () async throws -> Bool) async throws {
        try await wait(for: what) {
            if try await condition() { return true }
            forward(seconds: seconds)
            return false
        }
    }

    // MARK: Sleeping

    func sleep(seconds: Double) async {
        let number = state.withLock { state in
            state.last += 1
            if seconds <= 1 {
                state.lastLooker = state.last
                state.lookers.insert(state.last)
            }
            return state.last
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    // The handler below has run already when the task was cancelled before this.
                    if Task.isCancelled { return true }
                    var timer: Task<Void, Never>?
                    if state.beginning == nil || seconds <= 1 {
                        timer = Task {
                            await SystemJobClock().sleep(seconds: seconds)
                            wake(number)
                        }
                    }
                    state.sleepers[number] = Sleeper(
                        end: Self.now(state).uptime + seconds, continuation: continuation, timer: timer)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            wake(number)
        }
        state.withLock { state in
            if state.lookers.remove(number) != nil { state.lastThatLooked = max(state.lastThatLooked, number) }
        }
    }

    private func wake(_ number: Int) { state.withLock { $0.sleepers.removeValue(forKey: number) }?.wake() }

    /// Waits until everybody who looks at something from time to time has done so: what they have not begun then, they do
    /// not begin.
    func everybodyLooks(times: Int = 3) async throws {
        for _ in 0..<times {
            let (sleeping, last) = state.withLock { ($0.lookers, $0.lastLooker) }
            // Somebody has begun to sleep since, and has woken up: what lies between two sleeps is a look.
            try await wait(for: "a look") {
                state.withLock { $0.lastThatLooked > last && $0.lookers.isDisjoint(with: sleeping) }
            }
        }
    }
}

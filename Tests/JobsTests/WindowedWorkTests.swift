import Jobs
import Policy
import Synchronization
import TestSupport
import Testing

/// A clock that passes the time of each sleep at once.
private final class HastyClock: JobClock {
    let calendar: any WallClock = FixedOffsetClock.utc
    private let seconds = Mutex(0.0)
    /// Whether time may pass on from a moment.
    private let mayPass: @Sendable (Double) -> Bool

    init(mayPass: @escaping @Sendable (Double) -> Bool = { _ in true }) { self.mayPass = mayPass }

    var now: Moment { Moment(uptime: 0, wall: Instant(seconds: 0)).advanced(by: seconds.withLock { $0 }) }
    /// Since it began.
    var passed: Double { seconds.withLock { $0 } }

    func sleep(seconds: Double) async {
        while !Task.isCancelled, !mayPass(passed) { await Task.yield() }
        self.seconds.withLock { $0 += seconds }
        await Task.yield()
    }
}

@Suite(.timeLimit(.minutes(1)))
struct `Work within a window` {
    private struct Problem: Sendable, Equatable {
        let mayPass: Bool
    }

    private final class Begins: Sendable {
        private let times = Mutex<[Double]>([])
        var now: [Double] { times.withLock { $0 } }
        func add(_ time: Double) { times.withLock { $0.append(time) } }
    }

    private let clock = HastyClock()
    private let retry = Backoff(first: 5, most: 20)

    @Test func `is tried again later and later`() async throws {
        let attempts = Mutex<[Double]>([])
        let outcome = await WindowedWork(window: .always, retry: retry, tick: 1_000_000, clock: clock).run(
            mayPass: \Problem.mayPass
        ) { [clock] in
            attempts.withLock { attempts in
                // The guardian of the window sleeps too, by a million seconds.
                attempts.append(clock.passed.truncatingRemainder(dividingBy: 1_000_000))
                return attempts.count < 5 ? .failed(Problem(mayPass: true)) : .complete
            }
        }
        guard case .complete = outcome else { throw TimedOut(description: "\(outcome)") }
        #expect(attempts.withLock { $0 } == [0, 5, 15, 35, 55])
    }

    @Test func `ends with a problem that does not pass`() async throws {
        let outcome = await WindowedWork(window: .always, retry: retry, tick: 60, clock: clock).run(
            mayPass: \Problem.mayPass
        ) { .failed(Problem(mayPass: false)) }
        guard case .failed(let problem) = outcome else { throw TimedOut(description: "\(outcome)") }
        #expect(!problem.mayPass)
    }

    @Test func `waits for its window, is stopped at its end and goes on in the next`() async throws {
        let begins = Begins()
        // The window stays open until the attempt of the day has begun.
        let clock = HastyClock { $0 < Double(24 * begins.now.count + 8) * 3600 }
        let window = try #require(QuietWindow("08:00-09:00"))
        let work = WindowedWork(window: window, retry: retry, tick: 60, clock: clock)
        let outcome = await work.run(mayPass: \Problem.mayPass) {
            begins.add(clock.passed)
            if begins.now.count == 2 { return .complete }
            // Until the window's end cancels it.
            while !Task.isCancelled { await Task.yield() }
            return .stopped
        }
        guard case .complete = outcome else { throw TimedOut(description: "\(outcome)") }
        let hours = begins.now.map { $0 / 3600 }
        #expect(hours.count == 2 && (8..<9).contains(hours[0]) && (32..<33).contains(hours[1]), "\(hours)")
    }

    @Test func `is stopped with its task`() async throws {
        let isUnderWay = Atomic(false)
        let task = Task { [clock] in
            await WindowedWork(window: .always, retry: Backoff(first: 5, most: 20), tick: 60, clock: clock).run(
                mayPass: \Problem.mayPass
            ) {
                isUnderWay.store(true, ordering: .relaxed)
                while !Task.isCancelled { await Task.yield() }
                return .stopped
            }
        }
        try await wait(for: "an attempt") { isUnderWay.load(ordering: .relaxed) }
        task.cancel()
        guard case .stopped = await task.value else { throw TimedOut(description: "not stopped") }
    }
}

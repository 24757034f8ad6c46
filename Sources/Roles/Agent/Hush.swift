/// How long a silent registry is waited for, where what it said before would do.
struct Hush: Sendable {
    /// Until when it counts as silent, in seconds of a monotonic clock.
    var until = 0.0

    /// Seconds for which it counts as silent.
    static let length = 20.0

    func patience(_ now: Double) -> Duration { now < until ? .milliseconds(200) : .seconds(10) }
}

extension Task where Failure == Never {
    /// The task's value, or nil if that does not come in time. The task goes on.
    func value(within time: Duration) async -> Success? {
        let (values, continuation) = AsyncStream<Success?>.makeStream()
        let waiting = Task<Void, Never> { continuation.yield(await value) }
        let timer = Task<Void, Never> {
            try? await Task<Never, Never>.sleep(for: time)
            continuation.yield(nil)
        }
        defer {
            waiting.cancel()
            timer.cancel()
            continuation.finish()
        }
        for await value in values { return value }
        return nil
    }
}

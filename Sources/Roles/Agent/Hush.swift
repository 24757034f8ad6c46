/// How long a silent registry is waited for, where what it said before would do.
package struct Hush: Sendable {
    /// How long it is waited for at first.
    private let first: Duration
    /// Until when it counts as silent, in seconds of a monotonic clock.
    var until = 0.0

    package init(first: Duration = .seconds(10)) { self.first = first }

    /// Seconds for which it counts as silent.
    static let length = 20.0
    /// How long it is waited for where nothing else would do. Its client gives up before.
    static let longest = Duration.seconds(600)

    func patience(_ now: Double) -> Duration { now < until ? .milliseconds(200) : first }
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

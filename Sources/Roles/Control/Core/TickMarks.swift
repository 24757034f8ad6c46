/// When the parts of ``ControlCore/tick()`` last ran, and which of them are due. Pure. All times are in seconds since
/// 1970.
struct TickMarks: Sendable {
    /// How the clock has gone on since the call before.
    enum Clock: Sendable {
        case steady
        /// It was set forward, or this process stood still for long.
        case ahead
        case setBack
    }

    /// Which work is due: that of each poll, each second, each ten seconds and each hour.
    struct Due: Sendable {
        let poll: Bool
        let second: Bool
        let slow: Bool
        let hour: Bool
    }

    private static let poll = 0.4
    /// Seconds between two calls of ``ControlCore/tick()`` that are no matter of work.
    private static let longestTick = 10.0

    /// 0 before the first call.
    private var tick = 0.0
    private var second = 0.0
    private var poll = 0.0
    private var slow = 0.0
    private var hour = 0.0

    /// Call at the beginning of each tick.
    mutating func begin(at now: Double) -> Clock {
        defer { tick = now }
        guard tick > 0 else { return .steady }
        if now < tick { return .setBack }
        return now - tick > Self.longestTick ? .ahead : .steady
    }

    /// What is due now counts as done.
    mutating func takeDue(at now: Double) -> Due {
        func isDue(_ last: inout Double, every seconds: Double) -> Bool {
            // If the clock was set back, the work is due at once.
            guard now - last >= seconds || now < last else { return false }
            last = now
            return true
        }
        return Due(
            poll: isDue(&poll, every: Self.poll), second: isDue(&second, every: 1), slow: isDue(&slow, every: 10),
            hour: isDue(&hour, every: 3600))
    }
}

/// Where a job is.
package enum JobState: String, Sendable, Hashable, CaseIterable {
    case planned, hashing, running, held, paused, done, partly, failed, cancelled

    package var hasEnded: Bool {
        switch self {
        case .planned, .hashing, .running, .held, .paused: false
        case .done, .partly, .failed, .cancelled: true
        }
    }
}

/// When targets of a job change what is visible.
package enum SwitchMode: String, Sendable, Hashable, CaseIterable {
    /// Each when it is ready.
    case each
    /// All in one moment.
    case together
    /// On order.
    case manual
}

/// What a class says of the course of its jobs.
package struct JobCourse: Sendable, Hashable {
    package var switches = SwitchMode.each
    package var waves: [WaveSize] = [.percent(100)]
    /// Seconds between the end of a wave and the next.
    package var wait = 600.0
    /// The next wave needs an order.
    package var approve = false
    /// Waves gate the bytes too.
    package var wavesGateTransfer = false
    package var maxFailures = WaveSize.percent(10)
    /// Times that a target is tried again by itself.
    package var retries = 3
    /// Seconds after which targets that were not reached are given up.
    package var expires = 7 * 86_400.0
    package var hasHook = false

    package init() {}
}

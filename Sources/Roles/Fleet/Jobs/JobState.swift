/// The state of a job.
package enum JobState: String, Sendable, Hashable, CaseIterable {
    case planned, hashing, running, held, paused, done, partly, failed, cancelled

    package var hasEnded: Bool {
        switch self {
        case .planned, .hashing, .running, .held, .paused: false
        case .done, .partly, .failed, .cancelled: true
        }
    }
}

/// When the targets of a job switch to the new content.
package enum SwitchMode: String, Sendable, Hashable, CaseIterable {
    /// Each target when it has the content.
    case each
    /// All targets at one time.
    case together
    /// All targets on an operator's order.
    case manual
}

/// The keys of a class that control the course of its jobs.
package struct JobCourse: Sendable, Hashable {
    package var switches = SwitchMode.each
    package var waves: [WaveSize] = [.percent(100)]
    /// Seconds between the end of a wave and the start of the next.
    package var wait = 600.0
    /// The next wave opens only on an operator's order.
    package var approve = false
    /// Targets also receive the content only when their wave is open.
    package var wavesGateTransfer = false
    package var maxFailures = WaveSize.percent(10)
    /// Maximum number of automatic retries of a target.
    package var retries = 3
    /// Seconds from the start of a job after which targets that have not ended expire.
    package var expires = 7 * 86_400.0
    package var hasHook = false

    package init() {}
}

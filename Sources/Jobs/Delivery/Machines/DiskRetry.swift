/// When transfers begin anew that a full or broken disk ended. Pure.
package struct DiskRetry: Sendable {
    /// What a person is told while it lasts; empty when all is well.
    package private(set) var problem = ""
    /// When (uptime) the transfers begin anew; nil when they run.
    private var due: Double?
    private var failures = 0
    private let backoff: Backoff

    package init(_ backoff: Backoff) { self.backoff = backoff }

    /// The transfers ended, for this reason. The wait doubles each time.
    package mutating func failed(_ text: String, at now: Double) {
        problem = text
        due = now + backoff.delay(after: failures)
        failures += 1
    }

    /// Whether the transfers are to begin anew now. Told once.
    package mutating func isDue(at now: Double) -> Bool {
        guard let due, now >= due else { return false }
        self.due = nil
        problem = ""
        return true
    }

    /// The transfers began anew for another reason.
    package mutating func begun() { due = nil }
}

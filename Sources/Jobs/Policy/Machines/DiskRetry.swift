/// Decides when transfers start again that a full or broken disk has ended. Pure.
package struct DiskRetry: Sendable {
    /// The problem, for a person; empty if there is none.
    package private(set) var problem = ""
    /// When (uptime) the transfers start again; nil while they run.
    private var due: Double?
    private var failures = 0
    private let backoff: Backoff

    package init(_ backoff: Backoff) { self.backoff = backoff }

    /// The transfers ended, for this reason. The delay doubles each time.
    package mutating func failed(_ text: String, at now: Double) {
        problem = text
        due = now + backoff.delay(after: failures)
        failures += 1
    }

    /// Whether to start the transfers again now. Returns true once.
    package mutating func isDue(at now: Double) -> Bool {
        guard let due, now >= due else { return false }
        self.due = nil
        problem = ""
        return true
    }

    /// The transfers were started again for another reason.
    package mutating func begun() { due = nil }
}

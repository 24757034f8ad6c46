import Backends
import Registry

/// A blob that a back end is to have.
package struct WriteBackTask: Hashable, Sendable {
    /// What tells one task from another.
    package struct Key: Hashable, Sendable {
        /// The label of the back end.
        package let backend: String
        package let digest: BlobDigest

        package init(backend: String, digest: BlobDigest) {
            self.backend = backend
            self.digest = digest
        }
    }

    package let key: Key
    /// When it was last pushed, in seconds since 1970.
    package let added: Double
    /// When it is tried next.
    package let due: Double
    /// In a row.
    package let failures: Int

    package init(key: Key, added: Double, due: Double, failures: Int) {
        self.key = key
        self.added = added
        self.due = due
        self.failures = failures
    }
}

/// How an attempt ended.
package enum WriteBackOutcome: Hashable, Sendable {
    case stored
    /// The back end has it already, from another owner say.
    case wasThere
    /// The blob is not on this host any more.
    case gone
    case failed(BackendProblem)
}

/// What becomes of a task. Pure.
package struct WriteBackPolicy: Sendable {
    package let backoff: Backoff
    package let ownerPause: Double

    package init(backoff: Backoff = Backoff(), ownerPause: Double = 600) {
        self.backoff = backoff
        self.ownerPause = ownerPause
    }

    package enum Step: Hashable, Sendable {
        case drop
        case retry(at: Double)
        /// The whole back end does not answer: the task is due as before, and waits for the back end.
        case wait
    }

    /// When an owner tries first.
    /// - Parameter rank: 1 for the first owner.
    package func firstDue(rank: Int, now: Double) -> Double { now + Double(max(0, min(rank, 1_000) - 1)) * ownerPause }

    package func step(after outcome: WriteBackOutcome, of task: WriteBackTask, now: Double) -> Step {
        switch outcome {
        case .stored, .wasThere, .gone: return .drop
        case .failed(let problem):
            if problem.isOfBackend || problem.kind == .cancelled { return .wait }
            let pause = backoff.pause(afterFailures: task.failures + 1)
            return .retry(at: now + max(pause, min(problem.retryAfter ?? 0, backoff.longest)))
        }
    }
}

/// Back ends that do not answer rest: after the rest one task at a time finds out whether they are back. Pure.
package struct BackendRests: Sendable {
    private struct Rest {
        var failures: Int
        var until: Double
    }

    private let backoff: Backoff
    private var rests: [String: Rest] = [:]

    package init(_ backoff: Backoff = Backoff()) { self.backoff = backoff }

    /// - Parameter asked: seconds that the back end asks for.
    package mutating func failed(_ label: String, asked: Double?, now: Double) {
        let failures = rests[label]?.failures ?? 0
        // Attempts that were under way together fail together: that is one failure.
        guard !isResting(label, now: now) else { return }
        let pause = max(backoff.pause(afterFailures: failures + 1), min(asked ?? 0, backoff.longest))
        rests[label] = Rest(failures: failures + 1, until: now + pause)
    }

    package mutating func answered(_ label: String) { rests[label] = nil }

    package func isResting(_ label: String, now: Double) -> Bool {
        guard let rest = rests[label] else { return false }
        // A clock that was set back does not make a rest longer.
        return rest.until > now && rest.until <= now + backoff.longest
    }

    /// Whether it failed last: one task at a time may try.
    package func isSuspect(_ label: String) -> Bool { rests[label] != nil }

    package func resting(now: Double) -> [String] { rests.keys.filter { isResting($0, now: now) }.sorted() }

    /// Seconds until a rest ends; nil when no back end rests.
    package func nextEnd(now: Double) -> Double? {
        rests.filter { isResting($0.key, now: now) }.map { $0.value.until - now }.min()
    }
}

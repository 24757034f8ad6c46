import Backends
import Registry

/// A queued upload of a blob to a back end.
package struct WriteBackTask: Hashable, Sendable {
    /// The identity of a task.
    package struct Key: Hashable, Sendable {
        /// The back end's label.
        package let backend: String
        package let digest: BlobDigest

        package init(backend: String, digest: BlobDigest) {
            self.backend = backend
            self.digest = digest
        }
    }

    package let key: Key
    /// When the blob was last pushed, in seconds since 1970.
    package let added: Double
    /// When the task is tried next, in seconds since 1970.
    package let due: Double
    /// Failures in a row.
    package let failures: Int

    package init(key: Key, added: Double, due: Double, failures: Int) {
        self.key = key
        self.added = added
        self.due = due
        self.failures = failures
    }
}

/// How an attempt of a task ended.
package enum WriteBackOutcome: Hashable, Sendable {
    case stored
    /// The back end had the blob already, for example from another owner.
    case wasThere
    /// The blob is no longer on this host.
    case gone
    case failed(BackendProblem)
    /// The back end answered, and then failed to take the blob.
    case notTaken(BackendProblem)

    var problem: BackendProblem? {
        switch self {
        case .stored, .wasThere, .gone: nil
        case .failed(let problem), .notTaken(let problem): problem
        }
    }
}

/// Decides when a task is tried first, and what follows after an attempt. Pure.
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
        /// The back end as a whole fails: the task stays due, and waits until the back end answers again.
        case wait
    }

    /// When an owner first tries a task, in seconds since 1970.
    /// - Parameter rank: the owner's rank, 1 for the first.
    package func firstDue(rank: Int, now: Double) -> Double { now + Double(max(0, min(rank, 1_000) - 1)) * ownerPause }

    package func step(after outcome: WriteBackOutcome, of task: WriteBackTask, now: Double) -> Step {
        guard let problem = outcome.problem else { return .drop }
        // What is not taken may be the fault of this blob alone, and must not come before all others again.
        let isOfBackend = if case .failed = outcome { problem.isOfBackend } else { false }
        if isOfBackend || problem.kind == .cancelled { return .wait }
        let pause = backoff.pause(afterFailures: task.failures + 1)
        return .retry(at: now + max(pause, min(problem.retryAfter ?? 0, backoff.longest)))
    }
}

/// The pauses (rests) of back ends that have failed. After a rest, one task at a time tries whether the back end answers
/// again. Pure.
package struct BackendRests: Sendable {
    private struct Rest {
        var failures: Int
        var until: Double
    }

    private let backoff: Backoff
    private var rests: [String: Rest] = [:]

    package init(_ backoff: Backoff = Backoff()) { self.backoff = backoff }

    /// Records a failure.
    /// - Parameter asked: the seconds of the back end's `Retry-After`; nil if it sent none.
    package mutating func failed(_ label: String, asked: Double?, now: Double) {
        let failures = rests[label]?.failures ?? 0
        // Attempts that ran at the same time fail together: they count as one failure.
        guard !isResting(label, now: now) else { return }
        let pause = max(backoff.pause(afterFailures: failures + 1), min(asked ?? 0, backoff.longest))
        rests[label] = Rest(failures: failures + 1, until: now + pause)
    }

    package mutating func answered(_ label: String) { rests[label] = nil }

    package func isResting(_ label: String, now: Double) -> Bool {
        guard let rest = rests[label] else { return false }
        // A rest does not become longer when the clock is set back.
        return rest.until > now && rest.until <= now + backoff.longest
    }

    /// Whether the last attempt at the back end failed, so that only one task at a time may try.
    package func isSuspect(_ label: String) -> Bool { rests[label] != nil }

    package func resting(now: Double) -> [String] { rests.keys.filter { isResting($0, now: now) }.sorted() }

    /// Seconds until a rest ends; nil when no back end rests.
    package func nextEnd(now: Double) -> Double? {
        rests.filter { isResting($0.key, now: now) }.map { $0.value.until - now }.min()
    }
}

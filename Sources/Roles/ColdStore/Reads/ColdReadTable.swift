import Backends
import Registry

/// The state of a cold blob, as it is reported to a caller that wants the blob.
package enum ColdAnswer: Hashable, Sendable {
    case here
    /// The back end does not have the blob, or the name has no back end.
    case missing
    /// The blob is being read.
    /// - Parameters:
    ///   - done: bytes that have been read.
    ///   - total: the blob's size in bytes; nil until the back end has answered.
    case fetching(done: Int64, total: Int64?)
    /// - Parameter again: seconds until the next attempt is allowed.
    case failed(BackendProblem, again: Double)
}

/// The blobs that are being read from back ends, and those whose last read failed recently. Pure.
package struct ColdReadTable: Sendable {
    private enum State {
        case reading(label: String, done: Int64, total: Int64?)
        case failed(BackendProblem, count: Int, until: Double)
    }

    private let backoff: Backoff
    private var states: [BlobDigest: State] = [:]

    /// The most failures that are remembered.
    private static let mostFailures = 10_000

    package init(_ backoff: Backoff = Backoff()) { self.backoff = backoff }

    package enum Step: Hashable, Sendable {
        /// The caller must start to read the blob.
        case start
        /// The blob is being read already, from the back end with this label.
        case join(label: String, ColdAnswer)
        case answer(ColdAnswer)
    }

    package mutating func ask(_ digest: BlobDigest, label: String, now: Double) -> Step {
        switch states[digest] {
        case .reading(let label, let done, let total): return .join(label: label, .fetching(done: done, total: total))
        case .failed(let problem, _, let until) where until > now && until <= now + backoff.longest:
            return .answer(.failed(problem, again: until - now))
        case .failed(_, let count, _):
            failures[digest] = count
            fallthrough
        case nil:
            states[digest] = .reading(label: label, done: 0, total: nil)
            return .start
        }
    }

    /// The number of failures in a row of blobs that are being read again.
    private var failures: [BlobDigest: Int] = [:]

    package mutating func sized(_ digest: BlobDigest, total: Int64) {
        guard case .reading(let label, let done, _) = states[digest] else { return }
        states[digest] = .reading(label: label, done: done, total: total)
    }

    package mutating func advanced(_ digest: BlobDigest, by count: Int64) {
        guard case .reading(let label, let done, let total) = states[digest] else { return }
        states[digest] = .reading(label: label, done: done + count, total: total)
    }

    /// Records the end of a read.
    /// - Parameter problem: nil when the blob was read, or the back end does not have it.
    /// - Returns: seconds until the next attempt is allowed; 0 without a problem.
    @discardableResult
    package mutating func ended(_ digest: BlobDigest, _ problem: BackendProblem?, now: Double) -> Double {
        states[digest] = nil
        let count = (failures.removeValue(forKey: digest) ?? 0) + 1
        guard let problem, problem.kind != .cancelled else { return 0 }
        if states.count >= Self.mostFailures { forget(now: now) }
        let pause = max(backoff.pause(afterFailures: count), min(problem.retryAfter ?? 0, backoff.longest))
        states[digest] = .failed(problem, count: count, until: now + pause)
        return pause
    }

    private mutating func forget(now: Double) {
        states = states.filter { _, state in
            if case .failed(_, _, let until) = state { return until > now && until <= now + backoff.longest }
            return true
        }
    }
}

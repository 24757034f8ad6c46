import Backends
import Registry

/// What who asks for a blob is told.
package enum ColdAnswer: Hashable, Sendable {
    case here
    /// Its back end does not have it, or the name has no back end.
    case missing
    /// - Parameters:
    ///   - done: bytes.
    ///   - total: nil until the back end has said it.
    case fetching(done: Int64, total: Int64?)
    /// - Parameter again: seconds after which it is worth asking again.
    case failed(BackendProblem, again: Double)
}

/// Which blobs are being read from back ends, and which failed a moment ago. Pure.
package struct ColdReadTable: Sendable {
    private enum State {
        case reading(label: String, done: Int64, total: Int64?)
        case failed(BackendProblem, count: Int, until: Double)
    }

    private let backoff: Backoff
    private var states: [BlobDigest: State] = [:]

    /// Failures that are remembered.
    private static let mostFailures = 10_000

    package init(_ backoff: Backoff = Backoff()) { self.backoff = backoff }

    package enum Step: Hashable, Sendable {
        /// The caller is the one to read it.
        case start
        /// It is being read, from the back end of this label.
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

    /// Failures in a row of blobs that are being read again.
    private var failures: [BlobDigest: Int] = [:]

    package mutating func sized(_ digest: BlobDigest, total: Int64) {
        guard case .reading(let label, let done, _) = states[digest] else { return }
        states[digest] = .reading(label: label, done: done, total: total)
    }

    package mutating func advanced(_ digest: BlobDigest, by count: Int64) {
        guard case .reading(let label, let done, let total) = states[digest] else { return }
        states[digest] = .reading(label: label, done: done + count, total: total)
    }

    /// - Parameter problem: nil when it is here, or the back end does not have it.
    /// - Returns: seconds after which it is worth asking again.
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

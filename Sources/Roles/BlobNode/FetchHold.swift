import Hashing
import Synchronization

/// How a fetch ended.
enum FetchEnding: Sendable {
    case whole
    /// The fetch was abandoned, because no caller waited for it. A caller that joined meanwhile must start again.
    case over
    case failed(FetchProblem)
}

/// How a fetch ended, for callers that ask after its end.
final class FetchOutcome: Sendable {
    private let state = Mutex<FetchEnding?>(nil)

    /// Nil while the fetch goes on.
    var ending: FetchEnding? { state.withLock { $0 } }

    func end(_ ending: FetchEnding) { state.withLock { $0 = ending } }
}

/// A caller's interest in a fetch. When the last hold is deallocated, the fetch is stopped after a while.
final class FetchHold: Sendable {
    let digest: SHA256Digest
    let serial: UInt64
    let outcome: FetchOutcome
    private let release: @Sendable () -> Void

    init(_ digest: SHA256Digest, _ serial: UInt64, _ outcome: FetchOutcome, release: @escaping @Sendable () -> Void) {
        self.digest = digest
        self.serial = serial
        self.outcome = outcome
        self.release = release
    }

    deinit { release() }
}

import Hashing
import Synchronization

/// How a fetch ended.
enum FetchEnding: Sendable {
    case whole
    /// Nobody waited for it any more: whoever does now asks again.
    case over
    case failed(FetchProblem)
}

/// How a fetch ended, for those who come to hear of it late.
final class FetchOutcome: Sendable {
    private let state = Mutex<FetchEnding?>(nil)

    /// Nil while it goes on.
    var ending: FetchEnding? { state.withLock { $0 } }

    func end(_ ending: FetchEnding) { state.withLock { $0 = ending } }
}

/// Somebody's interest in a fetch. When the last one has gone, the fetch ends after a while.
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

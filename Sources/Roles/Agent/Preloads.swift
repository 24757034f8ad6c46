import Registry
import Synchronization

/// The tags that are being pulled into the cache for callers that do not wait.
final class Preloads: Sendable {
    /// References by digest: a tag may move meanwhile.
    private let running = Mutex<Set<Reference>>([])
    private static let most = 1_000

    enum Beginning { case begun, isRunning, tooMany }

    func begin(_ reference: Reference) -> Beginning {
        running.withLock { running in
            if running.contains(reference) { return .isRunning }
            guard running.count < Self.most else { return .tooMany }
            running.insert(reference)
            return .begun
        }
    }

    func end(_ reference: Reference) { running.withLock { _ = $0.remove(reference) } }
}

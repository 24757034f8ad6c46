import Glibc
import Threads

/// What threads with connections have to do, in the order in which it came.
final class WorkLine: @unchecked Sendable {
    // Sendable: everything below is touched with the mutex held, except by init and deinit.

    /// Is given a connection, or why there is none, and whether that is the last it is given. Returns whether it is done: else it wants
    /// another connection.
    typealias Work = @Sendable (Result<PostgresConnection, PostgresError>, _ isLast: Bool) -> Bool

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var works: [(work: Work, since: Double)] = []
    private var first = 0
    private var isClosed = false

    /// That wait at a time.
    private static let most = 10_000

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func add(_ work: @escaping Work) {
        let now = Clocks.steadySeconds
        pthread_mutex_lock(mutex)
        let refusal: PostgresError? =
            isClosed ? .closed : works.count - first >= Self.most ? .unavailable("too much waits for it") : nil
        if refusal == nil { works.append((work, now)) }
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
        if let refusal { _ = work(.failure(refusal), true) }
    }

    /// Waits; nil when it was closed and nothing waits.
    /// - Returns: also since when it waited, in seconds of the monotonic clock.
    func next() -> (work: Work, since: Double)? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while first == works.count {
            if isClosed { return nil }
            pthread_cond_wait(condition, mutex)
        }
        let work = works[first]
        first += 1
        if first == works.count || first > 1024 {
            works.removeFirst(first)
            first = 0
        }
        return work
    }

    func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }
}

import Glibc
import Threads

/// The queue of work for the threads that have connections, first in, first out.
final class WorkLine: @unchecked Sendable {
    // Sendable: everything below is accessed with the mutex locked, except in init and deinit.

    /// Gets a connection, or the reason why there is none. Returns whether it is done. If not, it is called again with
    /// another connection. With `isLast`, it must return true.
    typealias Work = @Sendable (Result<PostgresConnection, PostgresError>, _ isLast: Bool) -> Bool

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var works: [(work: Work, since: Double)] = []
    private var first = 0
    private var isClosed = false

    /// Maximum length of the queue.
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

    /// Blocks until there is work. Returns nil when the queue is closed and empty.
    /// - Returns: the work, and the time at which it was added, in seconds of the monotonic clock.
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

import DequeModule
import Glibc

/// A fixed number of threads for work that blocks or computes: disk access, hashing, name resolution.
///
/// The users of the queue bound it, because each has only a limited number of pieces in memory.
public final class WorkerPool: @unchecked Sendable {
    // Safe to share: `queue` and `closing` are read and written with `mutex` held; `threads` is for
    // who makes and ends the pool, none of them looks at it.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var queue: Deque<@Sendable () -> Void> = []
    private var closing = false
    private var threads: [pthread_t] = []
    /// Runs the work instead of threads.
    private let loop: EventLoop?

    /// Number of threads.
    public let threadCount: Int

    public init(name: String, threads count: Int) {
        threadCount = max(1, count)
        loop = nil
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
        for index in 0..<max(1, count) {
            threads.append(startThread(name: "\(name)-\(index)") { self.work() })
        }
    }

    /// A pool without threads: its work is posted to a loop, in order. For tests in virtual time, where work takes no
    /// time.
    public init(on loop: EventLoop) {
        threadCount = 1
        self.loop = loop
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    public func submit(_ work: @escaping @Sendable () -> Void) {
        if let loop { return loop.post(work) }
        pthread_mutex_lock(mutex)
        queue.append(work)
        pthread_mutex_unlock(mutex)
        pthread_cond_signal(condition)
    }

    /// Runs `work` on a thread of the pool and returns its result.
    public func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            submit { continuation.resume(with: Swift.Result { try work() }) }
        }
    }

    /// Waits for all submitted work, then ends the threads.
    public func shutdown() {
        pthread_mutex_lock(mutex)
        closing = true
        pthread_mutex_unlock(mutex)
        pthread_cond_broadcast(condition)
        for thread in threads { pthread_join(thread, nil) }
        threads = []
    }

    private func work() {
        while let next = nextTask() { next() }
    }

    private func nextTask() -> (@Sendable () -> Void)? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let next = queue.popFirst() { return next }
            if closing { return nil }
            pthread_cond_wait(condition, mutex)
        }
    }
}

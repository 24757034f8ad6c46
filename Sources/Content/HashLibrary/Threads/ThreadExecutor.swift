import Glibc
import Threads

/// An executor with a thread of its own: an actor that uses it may make blocking calls, such as file operations,
/// without occupying a thread of Swift's cooperative pool. The thread ends when the executor is released.
final class ThreadExecutor: SerialExecutor {
    private let queue: ThreadQueue

    init(name: String) { queue = ThreadQueue(name: name) }

    deinit { queue.end() }

    func enqueue(_ job: consuming ExecutorJob) {
        queue.add(UnownedJob(job), on: self)
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
}

/// The jobs of one `ThreadExecutor`, and its thread, which is started with the first job.
private final class ThreadQueue: @unchecked Sendable {
    // Safe to share: mutable state is read and written only under `mutex`, which, like `condition`, lives at a fixed
    // address for as long as this object.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let name: String
    private var jobs: [(UnownedJob, ThreadExecutor)] = []
    private var isRunning = false
    private var isEnding = false

    init(name: String) {
        self.name = name
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Keeps the executor until its job has run. If the system grants no thread, the next job tries again.
    func add(_ job: UnownedJob, on executor: ThreadExecutor) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        jobs.append((job, executor))
        if !isRunning { isRunning = Threads.startDetached(name: name) { [self] in serve() } }
        pthread_cond_signal(condition)
    }

    func end() {
        pthread_mutex_lock(mutex)
        isEnding = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    private func serve() {
        while let batch = next() {
            for (job, executor) in batch { job.runSynchronously(on: executor.asUnownedSerialExecutor()) }
        }
    }

    /// Waits for jobs; nil when the executor has been released.
    private func next() -> [(UnownedJob, ThreadExecutor)]? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while jobs.isEmpty {
            if isEnding { return nil }
            pthread_cond_wait(condition, mutex)
        }
        let taken = jobs
        jobs = []
        return taken
    }
}

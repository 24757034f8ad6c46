import CLinux
import Glibc

/// A thread for the tracker's loop: it blocks in the kernel, which the threads of Swift's concurrency must not.
enum LoopThread {
    final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    /// False when the system gives no thread.
    static func start(_ work: Work) -> Bool {
        var thread = pthread_t()
        // Retained here, released by the thread.
        let passed = Unmanaged.passRetained(work)
        let result = pthread_create(
            &thread, nil,
            { argument in
                swoop_name_thread("tracker")
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, passed.toOpaque())
        if result != 0 {
            passed.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}

import Glibc
import Threads

func threadIdentity() -> UInt { UInt(pthread_self()) }

/// Starts a thread with the small stack of loops and workers. Nothing works without it, so a failure is fatal.
func startThread(name: String, _ run: @escaping @Sendable () -> Void) -> pthread_t {
    guard let thread = Threads.start(name: name, stackBytes: 1 << 20, run) else {
        preconditionFailure("the system gives this process no more threads")
    }
    return thread
}

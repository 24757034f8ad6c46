import CLinux
import Glibc

/// A system call that failed: its name and what the kernel said.
public struct SystemError: Error, CustomStringConvertible, Sendable {
    public let call: String
    /// `errno` after the call.
    public let code: CInt

    public init(_ call: String, code: CInt = errno) {
        self.call = call
        self.code = code
    }

    public var description: String { "\(call): \(String(cString: strerror(code)))" }
}

/// Seconds of CLOCK_MONOTONIC: unaffected by a clock that is set.
public func monotonicSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func threadIdentity() -> UInt { UInt(pthread_self()) }

private final class ThreadBody {
    let run: @Sendable () -> Void
    let name: String

    init(name: String, run: @escaping @Sendable () -> Void) {
        self.name = name
        self.run = run
    }
}

func startThread(name: String, _ run: @escaping @Sendable () -> Void) -> pthread_t {
    var thread = pthread_t()
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, 1 << 20)
    let body = Unmanaged.passRetained(ThreadBody(name: name, run: run))
    let result = pthread_create(
        &thread, &attributes,
        { argument in
            guard let argument else { return nil }
            let body = Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
            swoop_name_thread(body.name)
            body.run()
            return nil
        }, body.toOpaque())
    pthread_attr_destroy(&attributes)
    precondition(result == 0, "the system gives this process no more threads")
    return thread
}

/// Runs `work` on a thread of its own that nobody waits for.
public func runDetached(name: String, _ work: @escaping @Sendable () -> Void) {
    pthread_detach(startThread(name: name, work))
}

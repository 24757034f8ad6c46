import Glibc
import Threads

/// A failed system call: its name and the kernel's error.
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

func threadIdentity() -> UInt { UInt(pthread_self()) }

/// Starts a thread with the small stack of loops and workers. Nothing works without it, so a failure is fatal.
func startThread(name: String, _ run: @escaping @Sendable () -> Void) -> pthread_t {
    guard let thread = Threads.start(name: name, stackBytes: 1 << 20, run) else {
        preconditionFailure("the system gives this process no more threads")
    }
    return thread
}

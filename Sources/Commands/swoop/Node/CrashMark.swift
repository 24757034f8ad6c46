import Glibc
import Synchronization

/// Creates a file when the process crashes, so that the next process can tell a crash from a kill.
enum CrashMark {
    /// Addresses of the file's path, and of the previous action of each signal. Never freed, because a handler may read
    /// them at any time.
    private static let path = Atomic<UInt>(0)
    private static let before = Atomic<UInt>(0)
    private static let signals = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV]

    /// - Parameter path: path of the file; its directory need not exist yet.
    static func install(_ path: String) {
        guard let copy = strdup(path) else { return }
        Self.path.store(UInt(bitPattern: copy), ordering: .releasing)
        let old = UnsafeMutablePointer<sigaction>.allocate(capacity: 65)
        old.initialize(repeating: sigaction(), count: 65)
        before.store(UInt(bitPattern: old), ordering: .releasing)
        for number in signals {
            var action = sigaction()
            action.sa_flags = Int32(SA_ONSTACK)
            action.__sigaction_handler.sa_handler = { CrashMark.leave($0) }
            sigaction(number, &action, old + Int(number))
        }
    }

    /// Runs in a signal handler: calls only open, close and sigaction. Afterwards the failed instruction runs again,
    /// and ends the process as it would have without the handler.
    private static func leave(_ number: Int32) {
        if let path = UnsafePointer<CChar>(bitPattern: path.load(ordering: .acquiring)) {
            let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
            if descriptor >= 0 { close(descriptor) }
        }
        if let old = UnsafeMutablePointer<sigaction>(bitPattern: before.load(ordering: .acquiring)) {
            sigaction(number, old + Int(number), nil)
        }
    }
}

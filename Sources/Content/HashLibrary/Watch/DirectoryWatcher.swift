import CLinux
import Files
import Glibc
import Synchronization
import Threads

/// Watches directories with inotify, on a thread of its own, and puts paths to examine into an inbox. It reports only
/// where something happened, not what: the reader examines the current state, so the order of events does not matter.
///
/// A new directory is watched first and then walked, so that files created in it before the watch are found. If the
/// kernel's queue overflows, or a watch is refused, a scan is requested.
final class DirectoryWatcher: Sendable {
    struct Options: Sendable {
        var roots: [AbsolutePath]
        var rules: LibraryRules
        var mostWatches = Int.max
        /// Seconds.
        var rootRetry = 5.0
    }

    private let end: Int32

    /// Nil if the system grants no more inotify instances, descriptors or threads; the caller then has to scan.
    /// - Parameter pause: for tests: while set, nothing is read from the kernel.
    static func start(_ options: Options, inbox: LibraryInbox, pause: PauseFlag = PauseFlag()) -> DirectoryWatcher? {
        guard let notify = Inotify() else { return nil }
        let end = swoop_eventfd_create()
        guard end >= 0 else { return nil }
        let isStarted = Threads.startDetached(name: "swoop-watch") {
            var loop = WatchLoop(notify: notify, end: end, options: options, inbox: inbox, pause: pause)
            loop.run()
            close(end)
        }
        guard isStarted else {
            close(end)
            return nil
        }
        return DirectoryWatcher(end: dup(end))
    }

    private init(end: Int32) { self.end = end }

    deinit {
        stop()
        if end >= 0 { close(end) }
    }

    /// Stops watching. The thread ends soon after.
    func stop() {
        var one: UInt64 = 1
        if end >= 0 { _ = write(end, &one, 8) }
    }
}

/// A flag that can be set and cleared.
package final class PauseFlag: Sendable {
    private let value = Atomic<Bool>(false)

    package init() {}

    package var isSet: Bool { value.load(ordering: .relaxed) }

    package func set(_ isSet: Bool) { value.store(isSet, ordering: .relaxed) }
}

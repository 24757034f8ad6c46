import CLinux
import Files
import Glibc
import Synchronization
import Threads

/// Follows what happens below some directories by inotify, on a thread of its own, and puts paths to look at into an
/// inbox. It never says what happened there, only where: who looks sees what is there now, whatever the order of
/// events.
///
/// A new directory is watched first and then walked, so that what was made in it before the watch is found. When the
/// kernel's queue overflows, or a watch cannot be had, the inbox is asked for scans.
final class DirectoryWatcher: Sendable {
    struct Options: Sendable {
        var roots: [AbsolutePath]
        var rules: LibraryRules
        var mostWatches = Int.max
        /// Seconds.
        var rootRetry = 5.0
    }

    private let end: Int32

    /// Nil where the system has no more inotify instances, descriptors or threads; who asked scans instead.
    /// - Parameter pause: for tests: nothing is read from the kernel while it is set.
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

    /// Its thread ends soon after.
    func stop() {
        var one: UInt64 = 1
        if end >= 0 { _ = write(end, &one, 8) }
    }
}

/// Can be set and cleared again.
final class PauseFlag: Sendable {
    private let value = Atomic<Bool>(false)

    var isSet: Bool { value.load(ordering: .relaxed) }

    func set(_ isSet: Bool) { value.store(isSet, ordering: .relaxed) }
}

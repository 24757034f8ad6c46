// Threads: dedicated threads for blocking work, and the system's clocks and processors.
//
// Purpose: one way to start a thread, to await blocking work, and to read the time. Must never: run blocking work on
// the threads of Swift's cooperative pool, which are few.

import CLinux
import Glibc
import Synchronization

/// Runs blocking work on dedicated threads: on the cooperative pool it would delay other tasks.
package enum Threads {
    private final class Body: Sendable {
        let name: String?
        let run: @Sendable () -> Void

        init(name: String?, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a thread, which the caller must join or detach; nil if the system grants none.
    /// - Parameters:
    ///   - name: as shown by `ps` and debuggers, at most 15 bytes; nil for the name of the process.
    ///   - stackBytes: nil for the system's default.
    package static func start(
        name: String? = nil, stackBytes: Int? = nil, _ run: @escaping @Sendable () -> Void
    ) -> pthread_t? {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        if let stackBytes { pthread_attr_setstacksize(&attributes, stackBytes) }
        // The box is retained until the thread takes it back, and only that thread does.
        let box = Unmanaged.passRetained(Body(name: name, run: run))
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                if let name = body.name { swoop_name_thread(name) }
                body.run()
                return nil
            }, box.toOpaque())
        guard failure == 0 else {
            box.release()
            return nil
        }
        return thread
    }

    /// Starts a detached thread; false if the system grants none.
    package static func startDetached(name: String? = nil, _ run: @escaping @Sendable () -> Void) -> Bool {
        guard let thread = start(name: name, run) else { return false }
        pthread_detach(thread)
        return true
    }

    /// Runs `work` on a detached thread, or on the calling one if the system grants none.
    package static func runDetached(name: String? = nil, _ work: @escaping @Sendable () -> Void) {
        if !startDetached(name: name, work) { work() }
    }

    /// Calls `body` on `count` threads at the same time, or on fewer if the system does not grant them (at least on the
    /// calling one), and returns when all calls have returned. Blocks.
    package static func run(_ count: Int, _ body: @escaping @Sendable () -> Void) {
        let threads = (1..<max(1, count)).compactMap { _ in start(body) }
        body()
        for thread in threads { pthread_join(thread, nil) }
    }

    /// Calls `body` with 0, 1, … on up to `count` threads at the same time, and returns when all calls have returned.
    /// With `isGentle`, the threads have low priority for processors and disks.
    package static func run(
        _ count: Int, name: String, isGentle: Bool, _ body: @escaping @Sendable (Int) -> Void
    ) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let left = Countdown(max(1, count)) { continuation.resume() }
            for index in 0..<max(1, count) {
                let work: @Sendable () -> Void = {
                    if isGentle { swoop_give_way() }
                    body(index)
                    left.count()
                }
                if !startDetached(name: name, work) {
                    // The other threads do the rest; if there are none, this thread does everything.
                    if index == 0 { body(index) }
                    left.count()
                }
            }
        }
    }

    /// Number of online processors, at least 1.
    package static var processors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    private final class Countdown: Sendable {
        private let left: Atomic<Int>
        private let done: @Sendable () -> Void

        init(_ count: Int, done: @escaping @Sendable () -> Void) {
            left = Atomic(count)
            self.done = done
        }

        func count() {
            if left.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { done() }
        }
    }
}

// Threads: threads of their own for work that blocks, and the machine's clocks and processors.
//
// What it is for: one way to start a thread, to await blocking work, and to ask for the time. What it must never do: run
// blocking work on the threads of Swift's concurrency pool, which are few.

import CLinux
import Glibc
import Synchronization

/// Runs blocking work on threads of its own: on the concurrency pool's threads it would keep other tasks waiting.
package enum Threads {
    private final class Body: Sendable {
        let name: String?
        let run: @Sendable () -> Void

        init(name: String?, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a thread, which the caller joins or detaches; nil if the system grants none.
    /// - Parameters:
    ///   - name: as `ps` and debuggers show it, at most 15 bytes; nil for the process's own.
    ///   - stackBytes: nil for the system's default.
    package static func start(
        name: String? = nil, stackBytes: Int? = nil, _ run: @escaping @Sendable () -> Void
    ) -> pthread_t? {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        if let stackBytes { pthread_attr_setstacksize(&attributes, stackBytes) }
        // The box outlives its passage: it is retained until the thread, the only one to take it, has taken it back.
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

    /// Starts a thread that nobody waits for; false if the system grants none.
    package static func startDetached(name: String? = nil, _ run: @escaping @Sendable () -> Void) -> Bool {
        guard let thread = start(name: name, run) else { return false }
        pthread_detach(thread)
        return true
    }

    /// Runs `work` on a thread that nobody waits for; on the calling one if the system grants none.
    package static func runDetached(name: String? = nil, _ work: @escaping @Sendable () -> Void) {
        if !startDetached(name: name, work) { work() }
    }

    /// Calls `body` on `count` threads at once, or on fewer where the system grants no more (on the calling one at
    /// least), and returns when all have returned. Blocks.
    package static func run(_ count: Int, _ body: @escaping @Sendable () -> Void) {
        let threads = (1..<max(1, count)).compactMap { _ in start(body) }
        body()
        for thread in threads { pthread_join(thread, nil) }
    }

    /// Calls `body` with 0, 1, … on up to `count` threads at once, and returns when all have returned. `isGentle`:
    /// they give way to everything else that wants processors or disks.
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
                    // The others do its share; where there is none, this thread does all.
                    if index == 0 { body(index) }
                    left.count()
                }
            }
        }
    }

    /// Processors of this machine that are on, at least 1.
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

import CLinux
import Glibc
import Synchronization

/// Runs blocking work on threads of its own: it would take the places of Swift's pool, whose threads are few.
enum Threads {
    private final class Body: Sendable {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a thread that nobody waits for; false if the system grants none.
    static func start(name: String, _ run: @escaping @Sendable () -> Void) -> Bool {
        // The box outlives its passage: it is retained until the thread, the only one to take it, has taken it back.
        let box = Unmanaged.passRetained(Body(name: name, run: run))
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                swoop_name_thread(body.name)
                body.run()
                return nil
            }, box.toOpaque())
        guard failure == 0 else {
            box.release()
            return false
        }
        pthread_detach(thread)
        return true
    }

    /// The result of `body`, which blocks, without blocking the caller's thread.
    static func offload<R: Sendable>(name: String = "library", _ body: @escaping @Sendable () -> R) async -> R {
        await withCheckedContinuation { continuation in
            let isStarted = start(name: name) { continuation.resume(returning: body()) }
            if !isStarted { continuation.resume(returning: body()) }
        }
    }

    /// Calls `body` with 0, 1, … on up to `count` threads at once, and returns when all have returned. `isGentle`:
    /// they give way to everything else that wants processors or disks.
    static func run(
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
                if !start(name: name, work) {
                    // The others do its share; where there is none, this thread does all.
                    if index == 0 { body(index) }
                    left.count()
                }
            }
        }
    }

    static var processors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

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

/// A request to stop, seen by all threads that look.
final class StopFlag: Sendable {
    private let value = Atomic<Bool>(false)

    var isSet: Bool { value.load(ordering: .relaxed) }

    func set() { value.store(true, ordering: .relaxed) }
}

/// Clocks, in nanoseconds.
enum Clocks {
    /// Since 1970, as the files' times.
    static var wall: Int64 { read(CLOCK_REALTIME) }
    /// Since some fixed time; unaffected by a clock that is set.
    static var steady: Int64 { read(CLOCK_MONOTONIC) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}

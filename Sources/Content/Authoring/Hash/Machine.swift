import Glibc

enum Processors {
    /// Processors of this machine, at least 1.
    static var available: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}

enum MonotonicClock {
    /// Milliseconds since some fixed time.
    static var milliseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// Runs blocking work on threads of its own: it would take the places of the concurrency pool's, which are few.
enum Threads {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts `body` on a new thread; nil if the system grants none.
    private static func start(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
        let box = Unmanaged.passRetained(Body(body))
        var thread = pthread_t()
        // The box outlives its passage: it is retained until the thread, the only one to take it, has taken it back.
        let failure = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, box.toOpaque())
        guard failure != 0 else { return thread }
        box.release()
        return nil
    }

    /// Calls `body` on `count` threads at once, or on fewer where the system grants no more (on the calling one at
    /// least), and returns when all have returned.
    static func run(_ count: Int, _ body: @escaping @Sendable () -> Void) {
        let threads = (1..<max(1, count)).compactMap { _ in start(body) }
        body()
        for thread in threads { pthread_join(thread, nil) }
    }

    /// The result of `body`, which blocks, without blocking the caller's thread.
    static func offload<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
        await withCheckedContinuation { continuation in
            let thread = start { continuation.resume(returning: body()) }
            if let thread { pthread_detach(thread) } else { continuation.resume(returning: body()) }
        }
    }
}

import Glibc
import Threads

/// Runs independent work on several threads. The caller provides it, so that a daemon can use its own bounded pool.
package struct Parallelism: Sendable {
    /// Maximum number of simultaneous workers.
    package let width: Int
    /// Calls its second argument with 0, 1, … below the first argument, in parallel if possible, and returns when all
    /// calls have returned.
    let run: @Sendable (Int, @escaping @Sendable (Int) -> Void) -> Void

    package init(
        width: Int, run: @escaping @Sendable (_ workers: Int, _ body: @escaping @Sendable (Int) -> Void) -> Void
    ) {
        self.width = max(1, width)
        self.run = run
    }

    /// Calls `body` with each number below `workers`; returns when all calls have returned.
    package func perform(_ workers: Int, _ body: @escaping @Sendable (Int) -> Void) { run(workers, body) }

    /// Runs everything on the calling thread.
    package static let none = Parallelism(width: 1) { workers, body in
        for worker in 0..<workers { body(worker) }
    }

    /// Runs work on new threads, which end with it. Uses fewer if the system does not grant them.
    package static func threads(_ count: Int) -> Parallelism {
        Parallelism(width: count) { workers, body in
            var threads: [pthread_t] = []
            var undone: [Int] = []
            for worker in 1..<max(1, workers) {
                if let thread = Threads.start({ body(worker) }) {
                    threads.append(thread)
                } else {
                    undone.append(worker)
                }
            }
            if workers > 0 { body(0) }
            for worker in undone { body(worker) }
            for thread in threads { pthread_join(thread, nil) }
        }
    }

    /// One thread for each available processor.
    package static var processors: Parallelism { threads(Threads.processors) }
}

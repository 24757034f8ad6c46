import Glibc
import Threads

/// Runs independent work on several threads. The caller supplies it, so that a daemon can use its own bounded pool.
package struct Parallelism: Sendable {
    /// Workers that run at once at most.
    package let width: Int
    /// Calls its second argument with 0, 1, … up to the first, at once as far as it can, and returns when all returned.
    let run: @Sendable (Int, @escaping @Sendable (Int) -> Void) -> Void

    package init(
        width: Int, run: @escaping @Sendable (_ workers: Int, _ body: @escaping @Sendable (Int) -> Void) -> Void
    ) {
        self.width = max(1, width)
        self.run = run
    }

    /// Calls `body` with each number below `workers`; returns when all calls returned.
    package func perform(_ workers: Int, _ body: @escaping @Sendable (Int) -> Void) { run(workers, body) }

    /// On the calling thread alone.
    package static let none = Parallelism(width: 1) { workers, body in
        for worker in 0..<workers { body(worker) }
    }

    /// On threads of their own, which end with the work. Those that the system does not grant are done without.
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

    /// As many threads as the process may use processors.
    package static var processors: Parallelism { threads(Threads.processors) }
}

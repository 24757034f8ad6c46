import CLinux
import Glibc
import Synchronization
import Threads

/// The parent process of a registry. It restarts the registry when that is killed, so that one machine needs no service
/// manager.
struct UpSupervisor {
    let reporter: Reporter
    /// Whether SIGHUP is passed to the registry, which then reloads its files. Otherwise SIGHUP ends the registry, as
    /// when a terminal is closed.
    let passesHangups: Bool
    private static let child = Mutex<ChildProcess?>(nil)
    private static let mark = "SWOOP_UP_CHILD"
    /// Seconds before the first, second and further restarts, and the run time after which counting starts over.
    private static let pauses = [0.2, 1, 2, 5, 10, 30]
    private static let settled = Duration.seconds(60)

    /// Whether this process is the parent. Under a service manager, which restarts the registry itself, there is none.
    static var isParent: Bool {
        Terminal.environment(mark) == nil && !ServiceManager.isParent
    }

    func run() async throws {
        StopSignal.shared.setForcedStatus(.done)
        if passesHangups {
            StopSignal.shared.onHangup { Self.child.withLock { $0 }?.signal(SIGHUP) }
        }
        let clock = ContinuousClock()
        var deaths = 0
        while true {
            let began = clock.now
            let ending = try await ending()
            Self.child.withLock { $0 = nil }
            switch ending {
            // The registry could not start, or was told to stop: a restart would end the same way.
            case .exited(let status): throw QuietExit(status: ExitStatus(rawValue: status) ?? .failed)
            case .killed(let signal):
                if StopSignal.shared.isStopped { return }
                deaths = clock.now - began > Self.settled ? 1 : deaths + 1
                let pause = Self.pauses[min(deaths, Self.pauses.count) - 1]
                reporter.warning("the registry was killed by signal \(signal): it starts again")
                try? await Task.sleep(for: .seconds(pause))
                if StopSignal.shared.isStopped { return }
            }
        }
    }

    /// Makes the registry stop when its parent dies, for whatever reason. Does nothing in other processes. Call on the main
    /// thread: the kernel forgets the wish with the thread that had it.
    static func endWithParent() {
        guard let parent = Terminal.environment(mark).flatMap({ pid_t($0) }) else { return }
        precondition(swoop_is_first_thread(), "called on a thread that ends before the process")
        swoop_signal_at_parents_end(SIGTERM)
        // The parent may have died before the call above.
        if getppid() != parent { StopSignal.shared.stop() }
    }

    /// Starts a registry, and returns when it has ended. Passes a request to stop on to it.
    private func ending() async throws -> ChildProcess.Ending {
        try await withThrowingTaskGroup(of: ChildProcess.Ending?.self) { group in
            group.addTask { try await Self.run() }
            group.addTask {
                await StopSignal.shared.wait()
                if StopSignal.shared.isStopped { Self.child.withLock { $0 }?.signal(SIGTERM) }
                return nil
            }
            var ending: ChildProcess.Ending?
            for try await result in group {
                guard let result else { continue }
                ending = result
                group.cancelAll()
            }
            return ending ?? .exited(ExitStatus.failed.rawValue)
        }
    }

    /// Runs a registry on a thread of its own. The kernel sends the signal of the parent's death when the thread that
    /// started the process ends, so that thread must wait for the process.
    private static func run() async throws -> ChildProcess.Ending {
        try await withCheckedThrowingContinuation { continuation in
            Threads.runDetached(name: "swoop-registry") {
                do {
                    let child = try ChildProcess.start(
                        ["/proc/self/exe"] + CommandLine.arguments.dropFirst(),
                        environment: [(mark, "\(getpid())")], output: 1)
                    Self.child.withLock { $0 = child }
                    // A request to stop may have come before the registry was started.
                    if StopSignal.shared.isStopped { child.signal(SIGTERM) }
                    continuation.resume(returning: child.waited())
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }
}

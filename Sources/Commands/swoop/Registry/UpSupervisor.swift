import CLinux
import Glibc
import Synchronization
import Threads

/// The small parent of a registry: starts it again when it dies, so that one machine needs no service manager.
struct UpSupervisor {
    let reporter: Reporter
    /// Whether SIGHUP is for the registry, which reads files again. Else it ends it, as when a terminal is closed.
    let passesHangups: Bool
    private static let child = Mutex<ChildProcess?>(nil)
    private static let mark = "SWOOP_UP_CHILD"
    /// Seconds before the next start, and a life after which a death counts as the first again.
    private static let pauses = [0.2, 1, 2, 5, 10, 30]
    private static let settled = Duration.seconds(60)

    /// A service manager does what the parent would.
    static var isParent: Bool {
        Terminal.environment(mark) == nil && Terminal.environment("NOTIFY_SOCKET") == nil
            && Terminal.environment("INVOCATION_ID") == nil
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
            // It could not start, or was told to stop: another start would end the same way.
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

    /// Has the registry end as if told to when its parent dies, whatever of. Call in the registry, at its start.
    static func endWithParent() {
        guard let parent = Terminal.environment(mark).flatMap({ pid_t($0) }) else { return }
        swoop_signal_at_parents_end(SIGTERM)
        // It may have died before that.
        if getppid() != parent { StopSignal.shared.stop() }
    }

    /// Starts a registry, and returns when it has ended. A stop is passed on to it.
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

    /// The kernel takes the end of the thread that starts a process for its parent's end: so that thread waits for it.
    private static func run() async throws -> ChildProcess.Ending {
        try await withCheckedThrowingContinuation { continuation in
            Threads.runDetached(name: "swoop-registry") {
                do {
                    let child = try ChildProcess.start(
                        ["/proc/self/exe"] + CommandLine.arguments.dropFirst(),
                        environment: [(mark, "\(getpid())")], output: 1)
                    Self.child.withLock { $0 = child }
                    // A stop may have come before there was anybody to pass it on to.
                    if StopSignal.shared.isStopped { child.signal(SIGTERM) }
                    continuation.resume(returning: child.waited())
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }
}

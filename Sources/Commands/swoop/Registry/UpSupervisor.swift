import Glibc
import Synchronization

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
    var isParent: Bool {
        Terminal.environment(Self.mark) == nil && Terminal.environment("NOTIFY_SOCKET") == nil
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
            let child = try ChildProcess.start(
                ["/proc/self/exe"] + CommandLine.arguments.dropFirst(), environment: [(Self.mark, "1")], output: 1)
            Self.child.withLock { $0 = child }
            let ending = await ending(of: child)
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

    private func ending(of child: ChildProcess) async -> ChildProcess.Ending {
        await withTaskGroup(of: ChildProcess.Ending?.self) { group in
            group.addTask { await child.ending() }
            group.addTask {
                await StopSignal.shared.wait()
                if StopSignal.shared.isStopped { child.signal(SIGTERM) }
                return nil
            }
            var ending: ChildProcess.Ending?
            for await result in group {
                guard let result else { continue }
                ending = result
                group.cancelAll()
            }
            return ending ?? .exited(ExitStatus.failed.rawValue)
        }
    }
}

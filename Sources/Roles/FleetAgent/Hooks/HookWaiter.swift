import Glibc
import JSON
import Jobs
import Threads

/// The process that starts a hook, waits for its end, and writes the result. It outlives the agent.
package enum HookWaiter {
    /// The subcommand of the program that runs this process.
    package static let command = "fleet-hook"
    /// Maximum bytes of the hook's output that are kept.
    private static let mostOutput = 16 << 10
    /// Attempts to write the result, a day of them, and the seconds between two.
    private static let mostWrites = 17_280
    private static let writePause: UInt32 = 5
    /// Seconds between SIGTERM and SIGKILL.
    private static let grace = 5.0

    /// - Parameter path: path of a ``HookDirectory``.
    package static func run(_ path: String) {
        _ = chdir("/")
        umask(0o022)
        let directory = HookDirectory(path)
        guard let bytes = try? PathFiles.read(directory.specification, limit: 1 << 20),
            let value = try? JSONValue.parse(bytes), let hook = HookSpecification(json: value)
        else { return }
        let lock = open(directory.lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else { return }
        let started = open(directory.started, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard started >= 0 else { return }
        // `started` must be durable before the program starts.
        guard fsync(started) == 0, synchronize(path) else { return }
        let ending = start(hook, directory)
        // On a full disk the agent waits with this process: an ending that is not written would count as unknown.
        for _ in 0..<mostWrites {
            do throws(FileFailure) {
                return try PathFiles.write(Array(ending.text.utf8), to: directory.status, mode: 0o600)
            } catch {
                guard [ENOSPC, EDQUOT, EIO].contains(error.number) else { return }
            }
            sleep(writePause)
        }
    }

    private static func synchronize(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return fsync(descriptor) == 0
    }

    private static func start(_ hook: HookSpecification, _ directory: HookDirectory) -> HookEnding {
        var ends: [Int32] = [0, 0]
        // No other thread of this process starts programs in between, so no program inherits the pipe.
        guard pipe(&ends) == 0 else { return .notStarted }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let output = ends[0]
        defer { close(output) }
        let pid = spawn(hook, output: ends[1])
        close(ends[1])
        guard let pid else { return .notStarted }
        let (ending, said) = watch(pid, output: output, seconds: Double(hook.timeout))
        try? PathFiles.write(said, to: directory.output, mode: 0o600)
        return ending
    }

    private static func spawn(_ hook: HookSpecification, output: Int32) -> pid_t? {
        var environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]
        environment += hook.environment.map { "\($0.name)=\($0.value)" }
        guard let name = hook.user else {
            return HookProcess.start(hook.words, output: output, environment: environment)
        }
        guard let user = HookUser(name) else { return nil }
        environment += ["USER=\(name)", "LOGNAME=\(name)", "HOME=\(user.home)"]
        return user.run { HookProcess.start(hook.words, output: output, environment: environment) } ?? nil
    }

    /// Waits for the program. When its time is over, ends its process group.
    private static func watch(_ pid: pid_t, output: Int32, seconds: Double) -> (HookEnding, [UInt8]) {
        _ = fcntl(output, F_SETFL, O_NONBLOCK)
        let deadline = Clocks.steadySeconds + seconds
        var killAt: Double?
        var said: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 4096)
        func drain() -> Bool {
            while true {
                let count = read(output, &block, block.count)
                guard count > 0 else { return count == 0 }
                said += block.prefix(min(count, mostOutput - said.count))
            }
        }
        var hasClosed = false
        while true {
            var status: Int32 = 0
            let found = waitpid(pid, &status, WNOHANG)
            if !hasClosed { hasClosed = drain() }
            if found == pid { return (killAt == nil ? HookProcess.ending(status) : .timedOut, said) }
            if found < 0, errno != EINTR { return (.unknown, said) }
            let now = Clocks.steadySeconds
            if let due = killAt, now >= due { kill(-pid, SIGKILL) }
            if killAt == nil, now >= deadline {
                kill(-pid, SIGTERM)
                killAt = now + grace
            }
            var waiting = pollfd(fd: hasClosed ? -1 : output, events: Int16(POLLIN), revents: 0)
            _ = poll(&waiting, 1, 20)
        }
    }
}

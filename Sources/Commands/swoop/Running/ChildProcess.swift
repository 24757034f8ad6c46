import Files
import Glibc
import Threads

/// A program that runs without a shell.
struct ChildProcess: Sendable {
    let pid: pid_t

    /// How the program ended.
    enum Ending: Sendable, Equatable {
        case exited(Int32)
        case killed(signal: Int32)

        var text: String {
            switch self {
            case .exited(let status): "ended with status \(status)"
            case .killed(let signal): "was killed by signal \(signal)"
            }
        }
    }

    /// Starts `words[0]`, found in PATH, with this process's environment plus `environment`. Descriptors: standard
    /// input is /dev/null, `output` and `errors` are the other two. All others are closed, because they are opened with
    /// close-on-exec.
    static func start(
        _ words: [String], environment: [(String, String)] = [], output: Int32 = 2, errors: Int32 = 2
    ) throws -> ChildProcess {
        guard let program = words.first else { throw Failure(.usage, "no program to run") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        // Through high numbers, so that neither dup2 overwrites the other's source.
        posix_spawn_file_actions_adddup2(&actions, output, 250)
        posix_spawn_file_actions_adddup2(&actions, errors, 251)
        posix_spawn_file_actions_adddup2(&actions, 250, 1)
        posix_spawn_file_actions_adddup2(&actions, 251, 2)
        posix_spawn_file_actions_addclose(&actions, 250)
        posix_spawn_file_actions_addclose(&actions, 251)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        var defaults = StopSignal.handled
        sigaddset(&defaults, SIGPIPE)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var pid = pid_t()
        let own = environment.map { "\($0)=\($1)" }
        let names = environment.map { $0.0 + "=" }
        let inherited = currentEnvironment().filter { entry in !names.contains { entry.hasPrefix($0) } }
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        let variables: [UnsafeMutablePointer<CChar>?] = (inherited + own).map { strdup($0) } + [nil]
        defer { for string in arguments + variables { free(string) } }
        let code = posix_spawnp(&pid, program, &actions, &attributes, arguments, variables)
        guard code == 0 else {
            throw Failure(.failed, "cannot run '\(program.shown)': \(systemText(code))")
        }
        return ChildProcess(pid: pid)
    }

    func signal(_ number: Int32) { kill(pid, number) }

    /// Waits on a thread of its own: a process may run for hours and must not occupy a thread of the cooperative pool.
    /// Call once.
    func ending() async -> Ending {
        await withCheckedContinuation { continuation in
            Threads.runDetached { continuation.resume(returning: waited()) }
        }
    }

    /// Waits on the caller's thread.
    func waited() -> Ending {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7F
        return signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal: signal)
    }

    private static func currentEnvironment() -> [String] {
        var entries: [String] = []
        var next = environ
        while let entry = next.pointee {
            entries.append(String(cString: entry))
            next += 1
        }
        return entries
    }
}

/// The C library's text for an error number.
func systemText(_ code: Int32) -> String { SystemError(code).description }

import Glibc

/// Starts programs without a shell.
enum HookProcess {
    /// Starts a program in a new session, so that signals to this process's group do not reach it.
    /// - Parameters:
    ///   - output: the descriptor for its standard output and standard error; nil for /dev/null.
    ///   - environment: its complete environment; nil for the environment of this process.
    /// - Returns: nil if the program cannot be started.
    static func start(_ words: [String], output: Int32?, environment: [String]? = nil) -> pid_t? {
        guard let program = words.first else { return nil }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for descriptor: Int32 in [1, 2] {
            if let output {
                posix_spawn_file_actions_adddup2(&actions, output, descriptor)
            } else {
                posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
            }
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        // POSIX_SPAWN_SETSID, which not every version of the C library's module exports.
        let flags = Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF) | 0x80
        posix_spawnattr_setflags(&attributes, flags)
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        let variables: [UnsafeMutablePointer<CChar>?]? = environment.map { $0.map { strdup($0) } + [nil] }
        defer { for text in arguments + (variables ?? []) { free(text) } }
        var pid = pid_t()
        let code =
            variables.map { posix_spawn(&pid, program, &actions, &attributes, arguments, $0) }
            ?? posix_spawn(&pid, program, &actions, &attributes, arguments, environ)
        return code == 0 ? pid : nil
    }

    static func waited(_ pid: pid_t) -> HookEnding {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 { guard errno == EINTR else { return .unknown } }
        return ending(status)
    }

    static func ending(_ status: Int32) -> HookEnding {
        let signal = status & 0x7f
        return signal == 0 ? .exited((status >> 8) & 0xff) : .killed(signal: signal)
    }
}

/// The user as which a hook runs.
struct HookUser {
    let id: uid_t
    let group: gid_t
    let name: String
    let home: String

    /// Nil if there is no such user.
    init?(_ name: String) {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        guard getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        id = entry.pw_uid
        group = entry.pw_gid
        self.name = name
        home = String(cString: entry.pw_dir)
    }

    /// Runs `body` with the rights of this user. Programs that it starts cannot regain the rights of root, but this
    /// process can.
    func run<R>(_ body: () -> R) -> R? {
        guard id != geteuid() else { return body() }
        guard geteuid() == 0, initgroups(name, group) == 0, setresgid(group, group, 0) == 0 else { return nil }
        guard setresuid(id, id, 0) == 0 else {
            _ = setresgid(0, 0, 0)
            return nil
        }
        let result = body()
        // Without the rights of root, this process could not write the hook's result.
        guard setresuid(0, 0, 0) == 0, setresgid(0, 0, 0) == 0 else { exit(70) }
        return result
    }
}

// Set the real, effective and saved user or group id. Swift's Glibc module does not export them.
@_silgen_name("setresuid")
private func setresuid(_ real: uid_t, _ effective: uid_t, _ saved: uid_t) -> Int32

@_silgen_name("setresgid")
private func setresgid(_ real: gid_t, _ effective: gid_t, _ saved: gid_t) -> Int32

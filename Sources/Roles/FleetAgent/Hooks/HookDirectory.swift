import Fleet
import Glibc
import JSON
import Jobs

/// The files of one attempt of a hook, in a directory of its own. Calls block.
///
/// A separate process (``HookWaiter``) starts the hook and waits for its end, so that the hook survives the end of the
/// agent. The waiter locks the file `lock` for its lifetime, creates `started` before the hook starts, and writes the
/// result to `status`. `started` is created exclusively (O_EXCL). So the hook of an attempt starts at most once,
/// whatever happens and however many waiters there are.
package struct HookDirectory: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    var specification: String { path + "/hook.json" }
    var lock: String { path + "/lock" }
    var started: String { path + "/started" }
    var status: String { path + "/status" }
    /// The file with the first bytes of the hook's output.
    package var output: String { path + "/output" }

    /// Writes the hook's specification durably. Call it before the first waiter starts.
    package func prepare(_ hook: HookSpecification) throws(FileFailure) {
        try PathFiles.makeDirectory(path)
        try PathFiles.write(hook.json.encode(), to: specification, mode: 0o600)
    }

    /// The result of the hook, from the file `status`; nil if there is none yet.
    package var ending: HookEnding? {
        guard let bytes = try? PathFiles.read(status, limit: 256) else { return nil }
        return HookEnding(text: String(decoding: bytes, as: UTF8.self)) ?? .unknown
    }

    package var hasStarted: Bool { PathFiles.status(started) != nil }

    /// Makes sure that the hook has been started once, and waits for its end, without a limit of time.
    /// - Parameter waiter: the command that runs a ``HookWaiter``. The directory is appended as its last argument.
    package func run(by waiter: [String]) -> HookEnding {
        for _ in 0..<3 {
            if let ending { return ending }
            guard !hasStarted else { return waitForOther() }
            guard let pid = HookProcess.start(waiter + [path], output: nil) else { return .notStarted }
            _ = HookProcess.waited(pid)
        }
        return ending ?? (hasStarted ? waitForOther() : .notStarted)
    }

    /// Makes sure that the hook does not start any more. Where it has started, waits for its end, without a limit of time.
    package func withdraw() -> HookEnding {
        if let ending { return ending }
        try? PathFiles.makeDirectory(path)
        // As a waiter does: only one of them makes the file.
        let descriptor = open(started, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return hasStarted ? waitForOther() : .notStarted }
        close(descriptor)
        // For an agent that asks again.
        try? PathFiles.write(Array(HookEnding.notStarted.text.utf8), to: status, mode: 0o600)
        return .notStarted
    }

    /// Waits for a hook whose waiter is not a child of this process.
    private func waitForOther() -> HookEnding {
        let descriptor = open(lock, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return ending ?? .unknown }
        defer { close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 { guard errno == EINTR else { return ending ?? .unknown } }
        // The lock is free, so no waiter is running: the host went down, or the waiter was killed.
        return ending ?? .unknown
    }
}

/// How to run a hook: its command, user, time limit and environment.
package struct HookSpecification: Sendable, Hashable {
    package let words: [String]
    package let user: String?
    /// Maximum run time in seconds.
    package let timeout: Int
    package let environment: [(name: String, value: String)]

    package init(words: [String], user: String?, timeout: Int, environment: [(name: String, value: String)]) {
        self.words = words
        self.user = user
        self.timeout = timeout
        self.environment = environment
    }

    package static func == (left: Self, right: Self) -> Bool { left.json == right.json }
    package func hash(into hasher: inout Hasher) { hasher.combine(json) }

    /// The specification for a class's hook.
    package init(
        _ order: AgentPolicy.HookOrder, path: String, job: String, className: String, version: Int64
    ) {
        var environment: [(name: String, value: String)] = [
            ("SWOOP_PATH", path), ("SWOOP_JOB", job), ("SWOOP_CLASS", className), ("SWOOP_VERSION", String(version)),
        ]
        for (index, argument) in order.arguments.enumerated() {
            environment.append(("SWOOP_ARG_\(index + 1)", argument))
        }
        self.init(
            words: order.settings.run, user: order.settings.user, timeout: order.settings.timeout,
            environment: environment)
    }

    var json: JSONValue {
        var object = JSONObject([
            "run": .array(words.map(JSONValue.string)), "timeout": .integer(Int64(timeout)),
            "environment": .array(environment.map { .array([.string($0.name), .string($0.value)]) }),
        ])
        object.set("user", user)
        return .object(object)
    }

    init?(json: JSONValue) {
        let words = (json["run"]?.arrayValue ?? []).compactMap(\.stringValue)
        guard !words.isEmpty, let timeout = json["timeout"]?.lenientInteger.flatMap({ Int(exactly: $0) }) else {
            return nil
        }
        self.init(
            words: words, user: json["user"]?.stringValue, timeout: max(1, timeout),
            environment: (json["environment"]?.arrayValue ?? []).compactMap { pair in
                guard let pair = pair.arrayValue, pair.count == 2, let name = pair[0].stringValue,
                    let value = pair[1].stringValue
                else { return nil }
                return (name, value)
            })
    }
}

import Fleet
import Glibc
import JSON
import Jobs

/// What is written down of one attempt of a hook, in a directory of its own. Blocks.
///
/// A process of its own (``HookWaiter``) starts the hook and waits for it, so that an end of the agent is none of the hook. It
/// locks `lock` for its life, makes `started` before the hook begins, and writes how that ended to `status`. `started` is made
/// once: whatever happens, and however many waiters there are, the hook of an attempt starts at most once.
package struct HookDirectory: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    var specification: String { path + "/hook.json" }
    var lock: String { path + "/lock" }
    var started: String { path + "/started" }
    var status: String { path + "/status" }
    /// The first bytes of what the hook said.
    package var output: String { path + "/output" }

    /// Says what is to be run. To be durable before the first waiter starts.
    package func prepare(_ hook: HookSpecification) throws(FileFailure) {
        try PathFiles.makeDirectory(path)
        try PathFiles.write(hook.json.encode(), to: specification, mode: 0o600)
    }

    /// How the hook ended, as a waiter wrote it; nil where none did.
    package var ending: HookEnding? {
        guard let bytes = try? PathFiles.read(status, limit: 256) else { return nil }
        return HookEnding(text: String(decoding: bytes, as: UTF8.self)) ?? .unknown
    }

    package var hasStarted: Bool { PathFiles.status(started) != nil }

    /// Sees to it that the hook was started once, and waits for its end: for as long as that takes.
    /// - Parameter waiter: the words of the command that is ``HookWaiter``; the directory is put behind them.
    package func run(by waiter: [String]) -> HookEnding {
        for _ in 0..<3 {
            if let ending { return ending }
            guard !hasStarted else { return waitForOther() }
            guard let pid = HookProcess.start(waiter + [path], output: nil) else { return .notStarted }
            _ = HookProcess.waited(pid)
        }
        return ending ?? (hasStarted ? waitForOther() : .notStarted)
    }

    /// The hook was started by a waiter that is no child of this process.
    private func waitForOther() -> HookEnding {
        let descriptor = open(lock, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return ending ?? .unknown }
        defer { close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 { guard errno == EINTR else { return ending ?? .unknown } }
        // Nobody waits for it any more: the machine went down, or somebody ended the waiter.
        return ending ?? .unknown
    }
}

/// A hook as it is to be run.
package struct HookSpecification: Sendable, Hashable {
    package let words: [String]
    package let user: String?
    /// Seconds.
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

    /// What a class's hook is run with.
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

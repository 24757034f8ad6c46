/// The exit status of the process. The numbers are a contract that scripts rely on.
enum ExitStatus: Int32, Sendable {
    case done = 0
    /// Failed, nothing lost.
    case failed = 1
    /// An argument or a configuration key is wrong.
    case usage = 2
    case verification = 3
    case notFound = 4
    /// Refused by authentication or policy.
    case refused = 5
    /// No space left, or a disk error.
    case disk = 6
    case interrupted = 130
}

/// The reason why a command failed: what happened to which file, host or option, and what to do about it.
struct Failure: Error, Sendable, Equatable {
    let status: ExitStatus
    /// One sentence without a full stop.
    let message: String
    /// What to do next; may be empty.
    let advice: String

    init(_ status: ExitStatus, _ message: String, advice: String = "") {
        self.status = status
        self.message = message
        self.advice = advice
    }

    var text: String { "error: \(message)" + (advice.isEmpty ? "" : "\n  \(advice)") }

    var json: JSONValue {
        .object([
            ("event", .string("error")), ("code", .int(Int(status.rawValue))), ("message", .string(message)),
            ("advice", .string(advice)),
        ])
    }
}

/// The command has done what it could and has reported it: the process ends with this status, without another message.
struct QuietExit: Error { let status: ExitStatus }

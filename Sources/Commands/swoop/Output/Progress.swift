/// The progress of a long operation.
struct Progress: Sendable, Equatable {
    /// The current phase in one or two words: `downloading`, `checking`.
    var phase: String
    /// Bytes done and total bytes; the total is 0 while unknown.
    var done = 0
    var total = 0
    /// Bytes per second.
    var down = 0
    var up = 0
    /// Estimated seconds left; nil while unknown.
    var eta: Int?
    var peers = 0
    var webSources = 0
    /// Whether rates and sources apply: they do not when hashing a file.
    var isTransfer = true
    /// Whether uploads and peers are known: they are not in a node's reply about a task.
    var knowsPeers = true
    /// The efficiency, if known.
    var efficiency: EfficiencyText?
    /// For a push or pull: the number of origins in use, files, and bytes that were there already.
    var origins: Int?
    var files: (done: Int, all: Int)?
    var cached = 0
    /// For a job of the fleet: bytes by where its targets had them from.
    var from: JSONValue?
    /// Whether bytes are sent, not received.
    var isUpload = false

    static func == (left: Progress, right: Progress) -> Bool {
        left.json == right.json && left.isTransfer == right.isTransfer && left.knowsPeers == right.knowsPeers
            && left.cached == right.cached && left.isUpload == right.isUpload
            && left.files.map { [$0.done, $0.all] } == right.files.map { [$0.done, $0.all] }
    }

    /// The JSON line for scripts; the keys are a contract (docs/json-lines.md).
    var json: JSONValue {
        .object(
            [
                ("event", .string("progress")), ("done", .int(done)), ("total", .int(total)), ("down", .int(down)),
                ("up", .int(up)), ("eta", eta.map(JSONValue.int) ?? .null),
                (
                    "sources",
                    .object([
                        ("peers", .int(peers)), origins.map { ("origins", .int($0)) } ?? ("web", .int(webSources)),
                    ])
                ), ("phase", .string(phase)),
            ] + (from.map { [("from", $0)] } ?? []) + (efficiency.map { [("efficiency", $0.json)] } ?? []))
    }
}

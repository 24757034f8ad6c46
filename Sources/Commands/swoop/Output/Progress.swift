/// Where a piece of long work stands.
struct Progress: Sendable, Equatable {
    /// What is being done, in one word or two: `downloading`, `checking`.
    var phase: String
    /// Bytes finished and bytes in all; the latter is 0 while it is not known.
    var done = 0
    var total = 0
    /// Bytes per second.
    var down = 0
    var up = 0
    /// Seconds until the end, nil while nobody can tell.
    var eta: Int?
    var peers = 0
    var webSources = 0
    /// Whether rates and sources mean anything for this work: not when hashing a file.
    var isTransfer = true
    /// Whether uploads and peers are known: a node's reply about a task does not tell them.
    var knowsPeers = true
    /// How near it is to what is possible, where that is known.
    var efficiency: EfficiencyText?

    /// The line that scripts read; the keys are a contract (docs/json-lines.md).
    var json: JSONValue {
        .object([
            ("event", .string("progress")), ("done", .int(done)), ("total", .int(total)), ("down", .int(down)),
            ("up", .int(up)), ("eta", eta.map(JSONValue.int) ?? .null),
            ("sources", .object([("peers", .int(peers)), ("web", .int(webSources))])), ("phase", .string(phase)),
        ] + (efficiency.map { [("efficiency", $0.json)] } ?? []))
    }
}

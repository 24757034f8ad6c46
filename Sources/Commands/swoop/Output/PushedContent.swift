import Registry

/// What was pushed or pulled: the last line of the command.
struct PushedContent: Sendable {
    let reference: Reference
    /// Of the manifest.
    let digest: BlobDigest
    let bytes: Int
    /// Went over the network.
    let transferred: Int
    /// Was there already.
    let reused: Int
    let seconds: Double
    let path: String

    /// The JSON line that scripts wait for; the keys are a contract (docs/json-lines.md).
    var json: JSONValue {
        let tag: JSONValue = if case .tag(let tag) = reference.version { .string(tag.text) } else { .null }
        return .object([
            ("event", .string("complete")), ("name", .string(reference.name.text)), ("tag", tag),
            ("digest", .string(digest.description)), ("bytes", .int(bytes)), ("transferred", .int(transferred)),
            ("reused", .int(reused)), ("seconds", .double((seconds * 1000).rounded() / 1000)),
            ("path", .string(path)),
        ])
    }

    var pushedText: String { "\(reference) is \(digest): \(HumanText.bytes(bytes)), \(figures)" }
    var pulledText: String { "\(path.shown): \(reference), \(HumanText.bytes(bytes)), verified, \(figures)" }

    private var figures: String {
        let time = "in \(HumanText.time(Int(seconds.rounded())))"
        if transferred == 0 { return "all of it there already (cached), \(time)" }
        let moved = "\(HumanText.bytes(transferred)) transferred"
        let cached = reused > 0 ? ", \(HumanText.bytes(reused)) cached" : ""
        let rate = seconds > 0 ? " (\(HumanText.rate(Int(Double(transferred) / seconds))))" : ""
        return "\(moved)\(cached), \(time)\(rate)"
    }
}

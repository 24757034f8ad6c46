import Registry

/// The result of a push or pull, for the last line of the command.
struct PushedContent: Sendable {
    let reference: Reference
    /// The manifest's digest.
    let digest: BlobDigest
    let bytes: Int
    /// Bytes that were transferred over the network.
    let transferred: Int
    /// Bytes that did not need a transfer, because they were there already.
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

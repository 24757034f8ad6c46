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

/// A rate from the number of bytes at some moments: an average over the last seconds.
struct TransferRate: Sendable {
    private var samples: [(at: ContinuousClock.Instant, bytes: Int)] = []
    private static let window = Duration.seconds(3)
    private(set) var bytesPerSecond = 0

    mutating func update(_ bytes: Int, now: ContinuousClock.Instant = .now) -> Int {
        samples.append((now, bytes))
        while samples.count > 2, now - samples[1].at > Self.window { samples.removeFirst() }
        guard let first = samples.first, now > first.at else { return bytesPerSecond }
        bytesPerSecond = max(0, Int(Double(bytes - first.bytes) / ((now - first.at) / .seconds(1))))
        return bytesPerSecond
    }

    /// Seconds, while bytes move.
    func eta(done: Int, total: Int) -> Int? {
        guard bytesPerSecond > 0, done < total else { return nil }
        return (total - done) / bytesPerSecond
    }
}

/// Content that has arrived and been verified.
struct CompletedContent: Sendable, Equatable {
    let path: String
    /// Hexadecimal; of a hybrid the v1 hash, of a v2 torrent all 32 bytes.
    let infoHash: String
    let bytes: Int
    let seconds: Double
    /// Nil where nothing was fetched, or too quickly to say.
    var efficiency: EfficiencyText?

    /// The last part of the path.
    var name: String { path.split(separator: "/").last.map(String.init) ?? path }

    /// The line that scripts wait for; the keys are a contract (docs/json-lines.md).
    var json: JSONValue {
        .object([
            ("event", .string("complete")), ("path", .string(path)), ("info_hash", .string(infoHash)),
            ("bytes", .int(bytes)), ("seconds", .double((seconds * 1000).rounded() / 1000)),
        ])
    }

    /// What a seed says once, when others can fetch from it.
    var seedingJSON: JSONValue {
        .object([
            ("event", .string("seeding")), ("path", .string(path)), ("info_hash", .string(infoHash)),
            ("bytes", .int(bytes)),
        ])
    }

    /// - Parameter wasThere: nothing had to be fetched.
    func text(wasThere: Bool) -> String {
        let what = "\(path.shown): \(HumanText.bytes(bytes))"
        if wasThere { return "\(what), already complete, verified" }
        let rate = seconds > 0 ? Int(Double(bytes) / seconds) : 0
        return "\(what) complete and verified in \(HumanText.time(Int(seconds.rounded()))) (\(HumanText.rate(rate)))"
    }
}

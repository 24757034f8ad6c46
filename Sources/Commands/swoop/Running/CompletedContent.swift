/// Content that has been received and verified.
struct CompletedContent: Sendable, Equatable {
    let path: String
    /// Hexadecimal: the v1 hash of a hybrid, all 32 bytes of a v2 torrent's hash.
    let infoHash: String
    let bytes: Int
    let seconds: Double
    /// Nil if nothing was downloaded, or too quickly to tell.
    var efficiency: EfficiencyText?

    /// The last component of the path.
    var name: String { path.split(separator: "/").last.map(String.init) ?? path }

    /// The JSON line that scripts wait for; the keys are a contract (docs/json-lines.md).
    var json: JSONValue {
        .object([
            ("event", .string("complete")), ("path", .string(path)), ("info_hash", .string(infoHash)),
            ("bytes", .int(bytes)), ("seconds", .double((seconds * 1000).rounded() / 1000)),
        ])
    }

    /// The line that a seed prints once, when others can download from it.
    var seedingJSON: JSONValue {
        .object([
            ("event", .string("seeding")), ("path", .string(path)), ("info_hash", .string(infoHash)),
            ("bytes", .int(bytes)),
        ])
    }

    /// The line for a person.
    /// - Parameter wasThere: whether nothing had to be downloaded.
    func text(wasThere: Bool) -> String {
        let what = "\(path.shown): \(HumanText.bytes(bytes))"
        if wasThere { return "\(what), already complete, verified" }
        let rate = seconds > 0 ? Int(Double(bytes) / seconds) : 0
        return "\(what) complete and verified in \(HumanText.time(Int(seconds.rounded()))) (\(HumanText.rate(rate)))"
    }
}

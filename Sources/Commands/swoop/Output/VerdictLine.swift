import Authoring

/// The result of a check for one file.
struct VerdictLine {
    let path: String
    let verdict: FileVerdict

    var text: String { "\(word)  \(path)" + (detail.isEmpty ? "" : "  (\(detail))") }

    var json: JSONValue {
        .object([
            ("event", .string("file")), ("path", .string(path)), ("verdict", .string(word)),
            ("detail", .string(detail)),
        ])
    }

    /// The verdict in one word. Scripts rely on it, so it must not change.
    private var word: String {
        switch verdict {
        case .ok: "ok"
        case .missing: "missing"
        case .wrongSize: "wrong-size"
        case .notAFile: "not-a-file"
        case .unreadable: "unreadable"
        case .corrupt: "damaged"
        case .unverifiable: "unverifiable"
        }
    }

    private var detail: String {
        switch verdict {
        case .ok, .missing, .notAFile: ""
        case .wrongSize(let expected, let found): "\(found) bytes instead of \(expected)"
        case .unreadable(let operation, let error): "cannot \(operation): \(error)"
        case .corrupt(let pieces): "\(HumanText.plural(pieces.count, "piece")) wrong"
        case .unverifiable(let pieces):
            "\(HumanText.plural(pieces.count, "piece")) shared with a file that is not there"
        }
    }
}

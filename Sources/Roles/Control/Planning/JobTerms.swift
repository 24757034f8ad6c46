import Fleet
import JSON
import Text

/// The definition of a class, reduced to the keys that concern a target or the sender.
struct JSONTerms: Sendable {
    let doc: JSONObject
    let name: String

    /// Most bytes of what concerns a target. It is a part of each offer, which has at most 4 KiB (``JobOffer/most``).
    static let mostForTargets = 2048

    private static let target = [
        "dest", "publish", "keep", "hook", "limits", "windows", "p2p", "sendfile", "seedinwindow", "timeout",
        "seedtime",
        "check", "verify", "sources",
    ]
    private static let sender = [
        "include", "exclude", "block", "check", "verify", "isolation", "sources", "limits", "sendfile", "windows",
    ]

    var forTargets: JSONValue {
        var terms = only(Self.target)
        if terms["dest"] == nil { terms["dest"] = .string(name) }
        return .object(terms)
    }

    var forSender: JSONValue { .object(only(Self.sender)) }

    private func only(_ keys: [String]) -> JSONObject {
        var object = JSONObject()
        for key in keys { if let value = doc[key], !value.isNull { object[key] = value } }
        return object
    }
}

/// Parses times and deadlines that people write.
enum DeadlineText {
    /// Parses a duration from `start`, such as `6h`, or a time in UTC such as `2026-12-01T06:00:00Z`.
    /// - Returns: seconds since 1970; nil for any other text.
    static func moment(_ text: String, from start: Double) -> Double? {
        if let seconds = DurationText.seconds(text, unit: 1) { return start + Double(seconds) }
        return Timestamp.parse(text)
    }
}

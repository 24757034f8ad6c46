import Fleet
import JSON
import Text

/// A class as it was written, cut to what one side of a job is told.
struct JSONTerms: Sendable {
    let doc: JSONObject
    let name: String

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

/// When something should be over, as people write it.
enum DeadlineText {
    /// `6h` from `start`, or a time in UTC: `2026-12-01T06:00:00Z`.
    /// - Returns: seconds since 1970; nil for what is neither.
    static func moment(_ text: String, from start: Double) -> Double? {
        if let seconds = DurationText.seconds(text, unit: 1) { return start + Double(seconds) }
        return Timestamp.parse(text)
    }
}

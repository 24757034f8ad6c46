/// Why a tracker's answer yields no peers.
public enum TrackerAnswerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The bytes are not an answer at all; the text says what is wrong with them.
    case malformed(String)
    /// The tracker refused, in its own words (escaped and cut). `retry` is BEP 31's word on trying again.
    case refused(reason: String, retry: Retry)

    /// What a refusing tracker says about trying again (BEP 31).
    public enum Retry: Sendable, Hashable {
        /// It said nothing.
        case unsaid
        /// Not before so many seconds.
        case after(Double)
        /// Never.
        case never
    }

    public var description: String {
        switch self {
        case .malformed(let what): "the tracker's answer makes no sense: \(what)"
        case .refused(let reason, .never): "the tracker refuses for good: \(reason)"
        case .refused(let reason, .after(let seconds)):
            "the tracker refuses: \(reason) (it asks to be left alone for \(Int(seconds.rounded())) s)"
        case .refused(let reason, .unsaid): "the tracker refuses: \(reason)"
        }
    }
}

/// Text from a tracker, safe to show: valid UTF-8, control and bidirectional characters escaped, bounded.
func displayText(_ bytes: ArraySlice<UInt8>, limit: Int) -> String {
    let text = String(decoding: bytes.prefix(limit), as: UTF8.self)
    var shown = ""
    for scalar in text.unicodeScalars {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
            shown += "\\u{\(String(scalar.value, radix: 16))}"
        default: shown.unicodeScalars.append(scalar)
        }
    }
    return bytes.count > limit ? shown + "..." : shown
}

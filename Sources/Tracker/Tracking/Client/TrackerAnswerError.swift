/// Why a tracker's response contains no peers.
public enum TrackerAnswerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The bytes are not a valid response; the text says why.
    case malformed(String)
    /// The tracker's failure reason (escaped and shortened). `retry` is its retry hint (BEP 31).
    case refused(reason: String, retry: Retry)

    /// When a tracker that refused may be asked again (BEP 31).
    public enum Retry: Sendable, Hashable {
        /// The tracker gave no hint.
        case unsaid
        /// Not before this many seconds.
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

/// Text from a tracker, made safe to show: valid UTF-8, control and bidirectional characters escaped, bounded length.
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

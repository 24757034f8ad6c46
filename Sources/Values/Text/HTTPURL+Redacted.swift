/// Text of a URL for messages and logs, without the parts that may be secret.
extension HTTPURL {
    /// The URL without its query.
    package var description: String {
        "\(isSecure ? "https" : "http")://\(authority)\(path)" + (query.isEmpty ? "" : "?…")
    }

    package var debugDescription: String { description }

    /// Maximum length of a shown URL, in characters.
    private static let longestShown = 200

    /// A text meant as a URL, of any scheme, without user name, password, query and fragment. Characters that are not
    /// visible ASCII become question marks.
    package static func redacted(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var shown = bytes.prefix { $0 != 0x3f && $0 != 0x23 }
        let isCut = shown.count < bytes.count
        var start = shown.startIndex
        if let colon = shown.firstIndex(of: 0x3a), shown[colon...].starts(with: "://".utf8) { start = colon + 3 }
        let authority = shown[start...].prefix { $0 != 0x2f && $0 != 0x5c }
        if let at = authority.lastIndex(of: 0x40) {
            shown.replaceSubrange(start...at, with: "…@".utf8)
        }
        let visible = String(decoding: shown, as: UTF8.self).unicodeScalars.prefix(longestShown).map { scalar in
            scalar == "…" || (0x20..<0x7f).contains(scalar.value) ? Character(scalar) : "?"
        }
        return String(visible) + (isCut ? "?…" : "")
    }
}

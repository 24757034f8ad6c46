/// The few things to know about a URL before it is handed on.
enum WebAddress {
    static func isHTTP(_ text: String) -> Bool { hasScheme(text, ["http", "https"]) }

    static func isTracker(_ text: String) -> Bool { hasScheme(text, ["http", "https", "udp"]) }

    /// A scheme out of `schemes`, a host, and neither blanks nor control characters anywhere.
    private static func hasScheme(_ text: String, _ schemes: [String]) -> Bool {
        guard let colon = text.firstIndex(of: ":"), schemes.contains(text[..<colon].lowercased()),
            text[colon...].hasPrefix("://"), text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
        else { return false }
        let rest = text[colon...].dropFirst(3)
        return rest.first.map { !"/?#:".contains($0) } ?? false
    }
}

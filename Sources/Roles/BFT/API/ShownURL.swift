/// A URL for replies and logs, without user name, password, query and fragment. The query of a signed URL contains its
/// key.
package enum ShownURL {
    package static func text(_ url: String) -> String {
        var text = url.prefix { $0 != "?" && $0 != "#" }
        guard let scheme = text.firstRange(of: "://") else { return String(text) }
        let rest = text[scheme.upperBound...]
        let end = rest.firstIndex(of: "/") ?? rest.endIndex
        if let at = rest[..<end].lastIndex(of: "@") {
            text.removeSubrange(scheme.upperBound...at)
        }
        return String(text)
    }
}

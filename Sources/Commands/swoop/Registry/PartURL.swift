import Text

/// Parses the URL of a part of a registry as people write it: the scheme defaults to `http://`, and a slash at the end
/// is ignored.
enum PartURL {
    /// Nil for a malformed URL, and for one with a query.
    static func url(_ text: String) -> HTTPURL? {
        let full = text.contains("://") ? text : "http://" + text
        guard let url = HTTPURL(full.hasSuffix("/") ? String(full.dropLast()) : full), url.query.isEmpty else {
            return nil
        }
        return url
    }

    static func parse(_ text: String) throws -> HTTPURL {
        guard let url = url(text) else { throw ArgumentProblem("a URL: http://HOST:PORT") }
        return url
    }
}

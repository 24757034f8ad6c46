import Text

/// The address of a part of a registry, as people write it: without a scheme it is `http://`, and a slash at its end means nothing.
enum PartURL {
    /// Nil for what is no address.
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

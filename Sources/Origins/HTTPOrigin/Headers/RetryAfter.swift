import Text

/// The `Retry-After` header (RFC 9110, section 10.2.3): seconds, or a date in any of HTTP's three forms.
package enum RetryAfter {
    /// Seconds from `now` (Unix time), 0 or more; nil if the header cannot be parsed.
    package static func seconds(_ header: String, now: Double) -> Double? {
        guard header.utf8.count <= 64 else { return nil }
        let trimmed = header.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
        if !trimmed.isEmpty, trimmed.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            return Double(trimmed).map { min($0, 1e9) }
        }
        return HTTPDate.unixTime(trimmed).map { max(0, Double($0) - now) }
    }
}

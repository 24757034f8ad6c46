/// What is the matter with a source: a kind that a policy can act on, and words for a person.
///
/// It is made where the trouble arises, from the one request that met it, and reaches the policy as it is.
package struct SourceReason: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// The host's name does not resolve.
        case unresolved(host: String)
        /// The host accepts no connection.
        case unreachable(host: String)
        /// The server answered with this HTTP status.
        case status(Int)
        /// The source sends something other than the content.
        case wrongContent
        /// Anything else.
        case other
    }

    package let kind: Kind
    /// For a person. Names hosts, never whole URLs.
    package let text: String

    package init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }

    /// The same kind, with the name of what it is about before the words.
    package func naming(_ name: String) -> SourceReason { SourceReason(kind, "\(name): \(text)") }
}

extension SourceReason: ExpressibleByStringInterpolation {
    /// Words alone are of the kind `other`.
    package init(stringLiteral text: String) { self.init(.other, text) }
}

extension SourceReason: CustomStringConvertible {
    package var description: String { text }
}

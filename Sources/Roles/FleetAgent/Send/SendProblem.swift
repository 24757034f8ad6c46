import FleetLink

/// Why content cannot be sent.
package struct SendProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: String, Sendable, Hashable {
        /// Control or this host's configuration file forbids it.
        case refused
        case notFound
        /// The order is invalid.
        case usage
        case failed
        case disk
    }

    package let kind: Kind
    /// A code for programs.
    package let code: String
    /// The description for people.
    package let description: String
    package let advice: String?

    package init(_ kind: Kind, _ code: String, _ description: String, advice: String? = nil) {
        self.kind = kind
        self.code = code
        self.description = description
        self.advice = advice
    }

    package init(_ refusal: LinkRefusal) {
        let kind: Kind =
            switch refusal.status {
            case 401, 403, 409: .refused
            case 404: .notFound
            case 400, 422: .usage
            default: .failed
            }
        self.init(kind, refusal.code, refusal.text, advice: refusal.advice)
    }
}

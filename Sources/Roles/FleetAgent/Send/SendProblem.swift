import FleetLink

/// Why something is not sent.
package struct SendProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: String, Sendable, Hashable {
        /// Control, or this host's file, does not allow it.
        case refused
        case notFound
        /// What was asked for cannot be understood.
        case usage
        case failed
        case disk
    }

    package let kind: Kind
    /// For programs.
    package let code: String
    /// For a person.
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

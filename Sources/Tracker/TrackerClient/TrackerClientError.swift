import HTTPTransport
import Tracking

/// Why a tracker gave no answer that can be used. Texts name hosts, never whole URLs: those may hold passkeys.
package enum TrackerClientError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Not an `http`, `https` or `udp` URL that can be used.
    case unsupportedURL
    /// By convention this tracker has no scrape.
    case cannotScrape
    /// No connection, no answer, or a broken one; the text says what and where.
    case unreachable(String)
    case timedOut(host: String)
    /// An HTTP status other than 200; seconds of its `Retry-After`.
    case status(Int, host: String, retryAfter: Double?)
    /// An answer that refuses or makes no sense.
    case answer(TrackerAnswerError)
    case cancelled

    /// What to tell `TrackerSchedule.failed`: nil when the tracker did not get to speak.
    package var refusal: TrackerAnswerError.Retry? {
        switch self {
        case .answer(.refused(_, let retry)): retry
        case .status(410, _, _): .never
        case .status(_, _, let seconds): seconds.map { .after($0) } ?? .unsaid
        case .unsupportedURL: .never
        case .answer(.malformed): .unsaid
        case .cannotScrape, .unreachable, .timedOut, .cancelled: nil
        }
    }

    package var description: String {
        switch self {
        case .unsupportedURL: "the tracker's URL must begin with http://, https:// or udp:// and name a host"
        case .cannotScrape: "this tracker's URL does not end in /announce, so it has no scrape"
        case .unreachable(let text): "tracker: \(text)"
        case .timedOut(let host): "the tracker at \(host) does not answer"
        case .status(404, let host, _): "the tracker at \(host) answers 404: check the path of its URL (/announce?)"
        case .status(let code, let host, _): "the tracker at \(host) answers with HTTP status \(code)"
        case .answer(let error): error.description
        case .cancelled: "cancelled"
        }
    }

    init(_ error: HTTPTransportError) {
        switch error {
        case .invalidURL: self = .unsupportedURL
        case .timedOut(let host): self = .timedOut(host: host)
        case .cancelled: self = .cancelled
        case .unresolved, .unreachable, .notTrusted, .broken, .tooManyRedirects, .badRedirect, .refusedRedirect,
            .refusedAddress, .leadsToMagnet, .insecureRedirect, .bodyTooLarge:
            self = .unreachable(error.description)
        }
    }
}

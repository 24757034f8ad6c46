import HTTPTransport
import Tracking

/// Why there is no usable response from a tracker. Texts name hosts, never whole URLs, which may contain passkeys.
package enum TrackerClientError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Not a valid `http`, `https` or `udp` URL.
    case unsupportedURL
    /// By the convention of BEP 48, this tracker has no scrape URL.
    case cannotScrape
    /// No connection, no response, or a broken one. The text says what failed and where.
    case unreachable(String)
    case timedOut(host: String)
    /// An HTTP status other than 200, and the seconds of its `Retry-After` header.
    case status(Int, host: String, retryAfter: Double?)
    /// A failure response, or one that cannot be parsed.
    case answer(TrackerAnswerError)
    case cancelled

    /// The argument for `TrackerSchedule.failed`: nil if the tracker sent no response.
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

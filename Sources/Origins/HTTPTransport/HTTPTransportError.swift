import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Why a request failed. Texts name hosts, never whole URLs, which may contain secrets.
package enum HTTPTransportError: Error, Sendable, Hashable, CustomStringConvertible {
    case invalidURL
    case unresolved(host: String)
    case unreachable(host: String, reason: String)
    case timedOut(host: String)
    case notTrusted(host: String, reason: String)
    case broken(host: String, reason: String)
    case tooManyRedirects(host: String)
    case badRedirect(host: String)
    case refusedRedirect(from: String, to: String)
    /// The host has an address that URLs of this source must not lead to.
    case refusedAddress(host: String)
    /// The response redirects to a magnet link. The link is not secret and may be long.
    case leadsToMagnet(host: String, magnet: String)
    case insecureRedirect(from: String, to: String)
    case bodyTooLarge(host: String, limit: Int)
    case cancelled

    package var description: String {
        switch self {
        case .invalidURL: "not an http or https URL that can be fetched"
        case .unresolved(let host): "the name \(host) cannot be resolved; check the spelling and the name servers"
        case .unreachable(let host, let reason): "cannot connect to \(host): \(reason)"
        case .timedOut(let host): "\(host) did not answer in time"
        case .notTrusted(let host, let reason): "the TLS certificate of \(host) is not to be trusted: \(reason)"
        case .broken(let host, let reason): "the connection to \(host) broke: \(reason)"
        case .tooManyRedirects(let host): "\(host) redirects in a loop or too often"
        case .badRedirect(let host): "\(host) redirects to something that is no http or https URL"
        case .refusedRedirect(let from, let to): "\(from) redirects to \(to), an inside address it has no business with"
        case .refusedAddress(let host): "\(host) has an inside address to which a torrent's URL may not lead"
        case .leadsToMagnet(let host, _): "\(host) redirects to a magnet link"
        case .insecureRedirect(let from, let to): "\(from) redirects from https to plain http at \(to)"
        case .bodyTooLarge(let host, let limit): "\(host) sends more than the \(limit) bytes an answer may have"
        case .cancelled: "cancelled"
        }
    }

    /// Translates an error of the HTTP client.
    package init(_ error: any Error, host: String) {
        switch error {
        case let error as HTTPTransportError: self = error
        case is CancellationError: self = .cancelled
        case let error as HTTPClientError:
            switch error {
            case .cancelled: self = .cancelled
            case .connectTimeout, .readTimeout, .writeTimeout, .deadlineExceeded, .getConnectionFromPoolTimeout:
                self = .timedOut(host: host)
            case .tlsHandshakeTimeout: self = .timedOut(host: host)
            case .invalidURL, .emptyHost, .emptyScheme: self = .invalidURL
            default: self = .broken(host: host, reason: error.shortDescription)
            }
        case is UnexpectedCertificate: self = .notTrusted(host: host, reason: "it is another one than the pinned one")
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            self = .notTrusted(host: host, reason: Self.tlsReason(String(describing: error)))
        case let error as NIOConnectionError:
            let refused = error.connectionErrors.first.map { attempt in
                (attempt.error as? IOError).map { String(cString: strerror($0.errnoCode)) }
                    ?? String(describing: attempt.error)
            }
            self = .unreachable(host: host, reason: refused ?? "its name cannot be resolved")
        // Thrown for an address that is connected to without a lookup.
        case let error as IOError where HTTPTransportError.refusals.contains(error.errnoCode):
            self = .unreachable(host: host, reason: String(cString: strerror(error.errnoCode)))
        case is ChannelError, is IOError, is NIOTooManyBytesError:
            self = .broken(host: host, reason: String(describing: error))
        default: self = .broken(host: host, reason: String(describing: error))
        }
    }

    /// System errors that mean that no connection was established.
    private static let refusals: Set<Int32> = [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN]

    /// What BoringSSL calls the failure, as words. The library's own text names the source file that it happened in.
    package static func tlsReason(_ text: String) -> String {
        guard let mark = text.firstRange(of: "OPENSSL_internal:") else { return text }
        let name = text[mark.upperBound...].prefix { $0 == "_" || $0.isLetter || $0.isNumber }
        return name.lowercased().replacing("_", with: " ")
    }
}

import Delivery
import HTTPTypes

/// Decides who may talk to the API at all: no page of a web site, whatever name it has given this machine's address
/// (DNS rebinding, CVE-2018-5702), and nobody without the token where there is one.
struct RequestGuard: Sendable {
    /// Why a request is turned away.
    enum Refusal: Equatable, Sendable {
        case noHost, foreignHost, crossSite, tokenMissing, tokenWrong, tokenNotSet

        var status: HTTPResponse.Status {
            switch self {
            case .noHost: .badRequest
            case .foreignHost, .crossSite, .tokenNotSet: .forbidden
            case .tokenMissing, .tokenWrong: .unauthorized
            }
        }

        var text: String {
            switch self {
            case .noHost: "the request names no host"
            case .foreignHost: "this API answers to localhost and to its own address only"
            case .crossSite: "requests of web pages of other sites are refused"
            case .tokenMissing: "a token is needed: Authorization: Bearer TOKEN"
            case .tokenWrong: "the token is wrong"
            case .tokenNotSet: "this API is reached over the network, and no apitoken is set"
            }
        }
    }

    /// Where the API listens.
    let address: ListenAddress

    /// - Parameters:
    ///   - token: the one in force; nil when none is set.
    ///   - isOpen: whether the call is one of the few that want no token.
    func refusal(of head: HTTPRequest, token: Secret?, isOpen: Bool) -> Refusal? {
        guard let authority = head.authority, !authority.isEmpty else { return .noHost }
        let host = HostName.host(of: authority)
        // With a token a foreign name gains nothing: a browser does not know it.
        if token == nil, !HostName.isLoopback(host), host != address.host.lowercased() || isWildcard {
            return .foreignHost
        }
        if isCrossSite(head.headerFields, authority: authority) { return .crossSite }
        if isOpen { return nil }
        guard let token else { return address.isLoopback ? nil : .tokenNotSet }
        guard let given = bearer(head.headerFields[.authorization]) else { return .tokenMissing }
        return token.matches(given) ? nil : .tokenWrong
    }

    private var isWildcard: Bool { address.host == "::" || address.host == "0.0.0.0" }

    /// A browser says where a request comes from. Programs say nothing.
    private func isCrossSite(_ headers: HTTPFields, authority: String) -> Bool {
        if let name = HTTPField.Name("Sec-Fetch-Site"), let site = headers[name], site != "same-origin", site != "none"
        {
            return true
        }
        guard let origin = headers[.origin] else { return false }
        guard let scheme = origin.firstRange(of: "://") else { return true }
        return origin[scheme.upperBound...].lowercased() != authority.lowercased()
    }

    private func bearer(_ header: String?) -> String? {
        guard let header else { return nil }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1].drop { $0 == " " })
    }
}

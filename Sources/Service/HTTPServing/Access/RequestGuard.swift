import Address
import HTTPTypes

/// Decides which requests a server accepts. Refuses requests from web pages, whatever host name they use for this
/// address (DNS rebinding, CVE-2018-5702), and requests without credentials if credentials are configured. Pure.
package struct RequestGuard: Sendable {
    /// Why a request is refused.
    package enum Refusal: Equatable, Sendable {
        case noHost, foreignHost, crossSite, tokenMissing, tokenWrong, tokenExpired, tokenNotSet, tooManyFailures
        /// The caller lacks the required role.
        case roleTooLow(needed: Role)

        package var status: HTTPResponse.Status {
            switch self {
            case .noHost: .badRequest
            case .foreignHost, .crossSite, .tokenNotSet, .roleTooLow: .forbidden
            case .tokenMissing, .tokenWrong, .tokenExpired: .unauthorized
            case .tooManyFailures: .tooManyRequests
            }
        }

        /// - Parameter setting: the name of the setting that holds a token.
        func text(setting: String) -> String {
            switch self {
            case .noHost: "the request names no host"
            case .foreignHost: "this API answers to localhost and to its own address only"
            case .crossSite: "requests of web pages of other sites are refused"
            case .tokenMissing: "a token is needed: Authorization: Bearer TOKEN"
            case .tokenWrong: "the token is wrong"
            case .tokenExpired: "the token has expired"
            case .tooManyFailures: "too many wrong tokens came from this address: try again later"
            case .tokenNotSet: "this API is reached over the network, and no \(setting) is set"
            case .roleTooLow(let needed): "this token does not allow that: the role '\(needed)' is needed"
            }
        }
    }

    /// The address on which the server listens.
    let address: ListenAddress
    /// The identity of a client on this host, if no credentials are configured.
    let local: Caller

    package init(address: ListenAddress, local: Caller = .local) {
        self.address = address
        self.local = local
    }

    /// - Parameter isOpen: whether the path needs no credentials.
    package func refusal(of head: HTTPRequest, _ authentication: Authentication, isOpen: Bool) -> Refusal? {
        guard let authority = head.authority, !authority.isEmpty else { return .noHost }
        let host = HostName.host(of: authority)
        // With a token, a foreign host name gains nothing: a browser does not know the token.
        if authentication == .notSetUp, !HostName.isLoopback(host), host != address.host.lowercased() || isWildcard {
            return .foreignHost
        }
        if isCrossSite(head.headerFields, authority: authority) { return .crossSite }
        if isOpen { return nil }
        return switch authentication {
        case .notSetUp: address.isLoopback ? nil : .tokenNotSet
        case .missing: .tokenMissing
        case .wrong: .tokenWrong
        case .expired: .tokenExpired
        case .tooManyFailures: .tooManyFailures
        case .caller: nil
        }
    }

    /// The caller, if known.
    func caller(_ authentication: Authentication) -> Caller? {
        switch authentication {
        case .caller(let caller): caller
        case .notSetUp where address.isLoopback: local
        case .notSetUp, .missing, .wrong, .expired, .tooManyFailures: nil
        }
    }

    private var isWildcard: Bool { address.host == "::" || address.host == "0.0.0.0" }

    /// Browsers send the origin of a request; other programs do not.
    private func isCrossSite(_ headers: HTTPFields, authority: String) -> Bool {
        if let name = HTTPField.Name("Sec-Fetch-Site"), let site = headers[name], site != "same-origin", site != "none"
        {
            return true
        }
        guard let origin = headers[.origin] else { return false }
        guard let scheme = origin.firstRange(of: "://") else { return true }
        return origin[scheme.upperBound...].lowercased() != authority.lowercased()
    }
}

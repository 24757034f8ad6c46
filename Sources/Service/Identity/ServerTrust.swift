import Hashing

/// How a host decides whether a server is its control.
package enum ServerTrust: Sendable, Hashable {
    /// The server's certificate must be issued by this authority.
    case authority(TrustedAuthority)
    /// The server must show an authority whose public key has this SHA-256, and a certificate issued by that authority.
    /// For hosts that have a join token and nothing else.
    case pin(SHA256Digest)

    /// Maximum number of certificates that are examined in a chain.
    private static let mostCertificates = 4
    /// Seconds by which a certificate may be expired or not yet valid, since the host's clock may be wrong.
    private static let tolerance = 48 * 3600.0

    /// Checks a server's certificate: its issuer, its purpose, its host name, and its validity. With a PIN, the
    /// validity is not checked: the host's clock may be far off, and control reports that.
    /// - Parameters:
    ///   - chain: DER, the server's own certificate first. The TLS handshake has proved that the server has its private
    ///     key.
    ///   - host: the host name or address that was dialled.
    ///   - now: seconds since 1970, by the host's clock.
    /// - Returns: the authority that issued the certificate.
    package func check(
        _ chain: [[UInt8]], named host: String, at now: Double
    ) throws(IdentityProblem) -> TrustedAuthority {
        guard let first = chain.first else { throw IdentityProblem("it shows no certificate") }
        let server = try HostCertificate(der: first)
        let authority: TrustedAuthority
        switch self {
        case .authority(let known): authority = known
        case .pin(let pin):
            guard let found = Self.authority(of: pin, in: chain) else {
                throw IdentityProblem("its authority is another one than the token's: is the address right?")
            }
            authority = found
        }
        guard authority.vouches(for: server) else {
            throw IdentityProblem("its certificate is of another authority than this host's")
        }
        guard server.purposes.contains(.server) else {
            throw IdentityProblem("its certificate is not that of a control")
        }
        guard server.names(host) else {
            throw IdentityProblem(
                "its certificate is not for \(host): say that name in the control's 'names'")
        }
        if case .authority = self {
            guard now <= server.ends + Self.tolerance, now >= server.begins - Self.tolerance else {
                throw IdentityProblem("its certificate is not valid now: is this host's clock right?")
            }
        }
        return authority
    }

    private static func authority(of pin: SHA256Digest, in chain: [[UInt8]]) -> TrustedAuthority? {
        for der in chain.prefix(mostCertificates) {
            guard let certificate = try? HostCertificate(der: der), certificate.isAuthority,
                let authority = try? TrustedAuthority(certificate), authority.pin == pin
            else { continue }
            return authority
        }
        return nil
    }
}

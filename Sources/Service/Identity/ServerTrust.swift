import Hashing

/// Which servers a host takes for a control.
package enum ServerTrust: Sendable, Hashable {
    /// Those for which this authority vouches.
    case authority(TrustedAuthority)
    /// Those for which an authority vouches whose public key has this SHA-256, and that they show: for hosts that have a token and
    /// nothing else.
    case pin(SHA256Digest)

    /// Certificates of a chain that are looked at.
    private static let mostCertificates = 4
    /// Seconds that a host's clock may be off for a certificate to be taken all the same.
    private static let tolerance = 48 * 3600.0

    /// Checks what a server showed: who vouches for it, its purpose, its name, and its time. By a PIN its time is not checked: the
    /// host's clock may be wrong by far, and control says so.
    /// - Parameters:
    ///   - chain: DER, the server's own first. The handshake has proved that it has the key of that.
    ///   - host: the name or address that was dialled.
    ///   - now: seconds since 1970, by the host's clock.
    /// - Returns: the authority.
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
        guard server.purposes.contains(.server) else { throw IdentityProblem("its certificate is none of a control") }
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

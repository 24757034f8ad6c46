import Hashing
import X509

/// An authority as those know it who trust it: its certificate.
package struct TrustedAuthority: Sendable, Hashable {
    package let certificate: HostCertificate

    /// - Throws: for a certificate that is none of an authority, or that it did not sign itself.
    package init(_ certificate: HostCertificate) throws(IdentityProblem) {
        guard certificate.isAuthority else { throw IdentityProblem("the certificate is none of an authority") }
        self.certificate = certificate
        guard signed(certificate) else { throw IdentityProblem("the authority's certificate is not its own") }
    }

    package init(pem: String) throws(IdentityProblem) { try self.init(HostCertificate(pem: pem)) }

    package var pem: String { certificate.pem }

    /// SHA-256 of its public key (SubjectPublicKeyInfo, DER): what tokens carry.
    package var pin: SHA256Digest { SHA256.digest(certificate.publicKey.der) }

    /// Whether this authority made a host's certificate, whether that has run out or not.
    package func vouches(for host: HostCertificate) -> Bool {
        !host.isAuthority && host.certificate.issuer == certificate.certificate.subject && signed(host)
    }

    private func signed(_ other: HostCertificate) -> Bool {
        other.certificate.signatureAlgorithm == .ecdsaWithSHA256
            && certificate.certificate.publicKey.isValidSignature(
                other.certificate.signature, for: other.certificate)
    }
}

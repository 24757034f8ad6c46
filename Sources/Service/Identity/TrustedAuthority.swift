import Hashing
import X509

/// The certificate of an authority, without its private key, as hosts that trust it have it.
package struct TrustedAuthority: Sendable, Hashable {
    package let certificate: HostCertificate

    /// - Throws: if the certificate is not one of an authority, or is not self-signed.
    package init(_ certificate: HostCertificate) throws(IdentityProblem) {
        guard certificate.isAuthority else { throw IdentityProblem("the certificate is none of an authority") }
        self.certificate = certificate
        guard signed(certificate) else { throw IdentityProblem("the authority's certificate is not its own") }
    }

    package init(pem: String) throws(IdentityProblem) { try self.init(HostCertificate(pem: pem)) }

    package var pem: String { certificate.pem }

    /// SHA-256 of its public key (SubjectPublicKeyInfo, DER). Join tokens carry it.
    package var pin: SHA256Digest { SHA256.digest(certificate.publicKey.der) }

    /// Whether this authority issued a host's certificate. Does not check the validity.
    package func vouches(for host: HostCertificate) -> Bool {
        !host.isAuthority && host.certificate.issuer == certificate.certificate.subject && signed(host)
    }

    private func signed(_ other: HostCertificate) -> Bool {
        other.certificate.signatureAlgorithm == .ecdsaWithSHA256
            && certificate.certificate.publicKey.isValidSignature(
                other.certificate.signature, for: other.certificate)
    }
}

import Crypto
import SwiftASN1
import X509

/// A request for a certificate (PKCS #10, RFC 2986). Nothing but its key counts: who asks is known by other means.
package enum SigningRequest {
    /// Longest that is looked at, in bytes.
    package static let longest = 4096

    /// DER.
    package static func make(_ key: HostKey, named name: String) throws(IdentityProblem) -> [UInt8] {
        do {
            let request = try CertificateSigningRequest(
                version: .v1, subject: DistinguishedName { CommonName(name) }, privateKey: .init(key.key),
                attributes: .init())
            var serializer = DER.Serializer()
            try request.serialize(into: &serializer)
            return serializer.serializedBytes
        } catch {
            throw IdentityProblem("no signing request can be made: \(error)")
        }
    }

    /// The key of a request that comes from outside.
    /// - Throws: where it is too long, cannot be read, is of another key than one of P-256, or is not signed by that key.
    package static func check(_ der: [UInt8]) throws(IdentityProblem) -> PublicKey {
        guard der.count <= longest else { throw IdentityProblem("is longer than \(longest) bytes") }
        let request: CertificateSigningRequest
        do { request = try CertificateSigningRequest(derEncoded: der) } catch {
            throw IdentityProblem("is no signing request (PKCS #10, DER)")
        }
        guard let key = P256.Signing.PublicKey(request.publicKey) else {
            throw IdentityProblem("is for another key than one of P-256")
        }
        guard request.signatureAlgorithm == .ecdsaWithSHA256,
            request.publicKey.isValidSignature(request.signature, for: request)
        else { throw IdentityProblem("is not signed by its own key with SHA-256") }
        return PublicKey(key)
    }
}

import Crypto
import SwiftASN1
import X509

/// A certificate signing request (PKCS #10, RFC 2986). Only its key is used. Control identifies the host by other
/// means.
package enum SigningRequest {
    /// Maximum length of a request, in bytes.
    package static let longest = 4096

    /// A request for `key`, signed with it. DER.
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

    /// Checks a request from another host, and returns its key.
    /// - Throws: if the request is too long, cannot be parsed, has a key that is not P-256, or is not signed with that
    ///   key.
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

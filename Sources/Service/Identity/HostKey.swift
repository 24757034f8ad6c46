import Hashing
import Text

import enum Crypto.P256

/// A private P-256 key. Its description does not reveal it.
package struct HostKey: Sendable, CustomStringConvertible, CustomReflectable {
    let key: P256.Signing.PrivateKey

    /// A new random key.
    package init() { key = P256.Signing.PrivateKey() }

    /// - Parameter pem: PKCS #8 or SEC 1.
    package init(pem: Secret) throws(IdentityProblem) {
        do { key = try P256.Signing.PrivateKey(pemRepresentation: pem.value) } catch {
            throw IdentityProblem("is no P-256 key in PEM")
        }
    }

    /// - Parameter bytes: the 32 bytes of the private scalar.
    init(raw bytes: [UInt8]) throws(IdentityProblem) {
        do { key = try P256.Signing.PrivateKey(rawRepresentation: bytes) } catch {
            throw IdentityProblem("is no P-256 key")
        }
    }

    /// The key as PKCS #8, for a file of mode 600 and for TLS.
    package var pem: Secret { Secret(key.pemRepresentation) }

    /// SubjectPublicKeyInfo (RFC 5280), DER.
    package var publicKey: [UInt8] { Array(key.publicKey.derRepresentation) }

    /// An ECDSA signature with SHA-256: r and s, 64 bytes (IEEE P1363).
    package func signature(of bytes: [UInt8]) throws(IdentityProblem) -> [UInt8] {
        do { return Array(try key.signature(for: bytes).rawRepresentation) } catch {
            throw IdentityProblem("cannot sign: \(error)")
        }
    }

    package var description: String { "<private key>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// A public P-256 key.
package struct PublicKey: Sendable, Hashable {
    /// Maximum length of the DER encoding, in bytes. An uncompressed point takes 91.
    package static let longest = 256

    /// SubjectPublicKeyInfo, DER, always in the encoding that this program writes.
    package let der: [UInt8]

    /// Nil for anything but a P-256 key.
    package init?(der: [UInt8]) {
        guard der.count <= Self.longest, let key = try? P256.Signing.PublicKey(derRepresentation: der) else {
            return nil
        }
        self.init(key)
    }

    init(_ key: P256.Signing.PublicKey) { der = Array(key.derRepresentation) }

    /// - Parameter signature: r and s, 64 bytes (IEEE P1363).
    package func verifies(_ signature: [UInt8], of bytes: [UInt8]) -> Bool {
        guard signature.count == 64, let key = try? P256.Signing.PublicKey(derRepresentation: der),
            let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
        else { return false }
        return key.isValidSignature(signature, for: bytes)
    }
}

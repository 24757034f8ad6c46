import Crypto
import FoundationEssentials
import SwiftASN1
import X509

/// An X.509 certificate (version 3, RFC 5280) with a P-256 key: the fields that this program uses. Parsing does not
/// check the signature, see ``TrustedAuthority/vouches(for:)``.
package struct HostCertificate: Sendable, Hashable {
    /// Maximum length of the DER encoding, in bytes.
    package static let longest = 8 << 10

    package enum Purpose: Sendable, Hashable { case server, client }

    package let der: [UInt8]
    /// The first common name of the subject. In a node's certificate, the node's id.
    package let subject: String
    package let publicKey: PublicKey
    /// Validity, in seconds since 1970.
    package let begins: Double
    package let ends: Double
    /// The purposes of the key (extended key usage); empty if the certificate does not have that extension.
    package let purposes: Set<Purpose>
    package let isAuthority: Bool
    /// The host names, in lower case, and the addresses (4 or 16 bytes) that the certificate is for.
    package let hostNames: [String]
    package let addresses: [[UInt8]]
    let certificate: Certificate

    /// - Throws: for anything but a certificate with a P-256 key. Fields that this program does not use are ignored.
    package init(der: [UInt8]) throws(IdentityProblem) {
        guard der.count <= Self.longest else { throw IdentityProblem("the certificate is too long") }
        do { try self.init(Certificate(derEncoded: der), der: der) } catch let problem as IdentityProblem {
            throw problem
        } catch {
            throw IdentityProblem("is no certificate")
        }
    }

    /// The first certificate in a PEM text.
    package init(pem: String) throws(IdentityProblem) {
        guard pem.utf8.count <= 2 * Self.longest else { throw IdentityProblem("the certificate is too long") }
        let document: PEMDocument
        do { document = try PEMDocument(pemString: pem) } catch { throw IdentityProblem("is no certificate in PEM") }
        guard document.discriminator == Certificate.defaultPEMDiscriminator else {
            throw IdentityProblem("is no certificate in PEM")
        }
        try self.init(der: document.derBytes)
    }

    init(_ certificate: Certificate, der: [UInt8]) throws {
        self.der = der
        self.certificate = certificate
        guard let key = P256.Signing.PublicKey(certificate.publicKey) else {
            throw IdentityProblem("the certificate's key is none of P-256")
        }
        publicKey = PublicKey(key)
        subject = Self.commonName(certificate.subject) ?? ""
        begins = certificate.notValidBefore.timeIntervalSince1970
        ends = certificate.notValidAfter.timeIntervalSince1970
        var purposes: Set<Purpose> = []
        if let usage = try certificate.extensions.extendedKeyUsage {
            if usage.contains(.serverAuth) { purposes.insert(.server) }
            if usage.contains(.clientAuth) { purposes.insert(.client) }
        }
        self.purposes = purposes
        var (hostNames, addresses): ([String], [[UInt8]]) = ([], [])
        for name in try certificate.extensions.subjectAlternativeNames ?? SubjectAlternativeNames() {
            switch name {
            case .dnsName(let name): hostNames.append(name.lowercased())
            case .ipAddress(let address): addresses.append(Array(address.bytes))
            default: break
            }
        }
        self.hostNames = hostNames
        self.addresses = addresses
        if case .isCertificateAuthority = try certificate.extensions.basicConstraints {
            isAuthority = true
        } else {
            isAuthority = false
        }
    }

    private static func commonName(_ name: DistinguishedName) -> String? {
        for part in name {
            for attribute in part where attribute.type == .RDNAttributeType.commonName {
                return String(attribute.value)
            }
        }
        return nil
    }

    package var pem: String { PEMDocument(type: Certificate.defaultPEMDiscriminator, derBytes: der).pemString + "\n" }

    /// - Parameter now: seconds since 1970.
    package func hasRunOut(at now: Double) -> Bool { now > ends }
    package func hasBegun(at now: Double) -> Bool { now >= begins }

    /// Whether the certificate is for a server with this host name or address. Wildcards are not supported.
    package func names(_ host: String) -> Bool {
        if let address = ServerName.addressBytes(host) { return addresses.contains(address) }
        return hostNames.contains(host.lowercased())
    }

    /// Whether the certificate should be renewed: two thirds of its validity are over.
    package func isDue(at now: Double) -> Bool { now >= begins + (ends - begins) * 2 / 3 }
}

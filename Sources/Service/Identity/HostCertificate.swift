import Crypto
import FoundationEssentials
import SwiftASN1
import X509

/// A certificate (X.509 version 3, RFC 5280) of a P-256 key, as far as this program goes by it. That it was read says nothing of
/// who vouches for it: see ``TrustedAuthority/vouches(for:)``.
package struct HostCertificate: Sendable, Hashable {
    /// Longest encoding that is looked at, in bytes.
    package static let longest = 8 << 10

    package enum Purpose: Sendable, Hashable { case server, client }

    package let der: [UInt8]
    /// The first common name; a node's id.
    package let subject: String
    package let publicKey: PublicKey
    /// Seconds since 1970.
    package let begins: Double
    package let ends: Double
    /// What its key may be used for; empty where the certificate does not say.
    package let purposes: Set<Purpose>
    package let isAuthority: Bool
    /// Host names, in small letters, and the 4 or 16 bytes of addresses that it is for.
    package let hostNames: [String]
    package let addresses: [[UInt8]]
    let certificate: Certificate

    /// - Throws: for anything but a certificate of a P-256 key. What stands beside what is used here is passed over.
    package init(der: [UInt8]) throws(IdentityProblem) {
        guard der.count <= Self.longest else { throw IdentityProblem("the certificate is too long") }
        do { try self.init(Certificate(derEncoded: der), der: der) } catch let problem as IdentityProblem {
            throw problem
        } catch {
            throw IdentityProblem("is no certificate")
        }
    }

    /// The first certificate of a PEM text.
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

    /// Whether it is for a server of this name or address. Names have no wildcards here.
    package func names(_ host: String) -> Bool {
        if let address = ServerName.addressBytes(host) { return addresses.contains(address) }
        return hostNames.contains(host.lowercased())
    }

    /// Whether two thirds of its time are over: it is renewed then.
    package func isDue(at now: Double) -> Bool { now >= begins + (ends - begins) * 2 / 3 }
}

import FoundationEssentials
import Hashing
import SwiftASN1
import X509

import enum Crypto.P256

/// A certificate authority with its private key. Issues certificates for a fleet's control servers and nodes.
package struct Authority: Sendable {
    /// Validity of the authority's own certificate, in years.
    package static let years = 10.0
    /// Validity of the certificates of nodes and servers, in days.
    package static let nodeDays = 30.0
    package static let serverDays = 365.0
    /// Certificates are valid from this many seconds before they are issued, since a host's clock may be wrong.
    package static let head = 48 * 3600.0
    private static let day = 86_400.0
    /// The purpose under which the key is sealed, see ``SealingSecret``.
    private static let purpose = "swoop authority key 1"

    private let key: HostKey
    package let trusted: TrustedAuthority

    /// A new authority with a new key.
    /// - Parameter now: seconds since 1970.
    package init(named name: String = "swoop fleet", now: Double) throws(IdentityProblem) {
        let key = HostKey()
        self.key = key
        let der = try Self.sign(by: key) {
            let subject = try DistinguishedName { CommonName(name) }
            return try Certificate(
                version: .v3, serialNumber: .init(), publicKey: .init(key.key.publicKey),
                notValidBefore: Self.date(now - Self.head),
                notValidAfter: Self.date(now + Self.years * 365.25 * Self.day),
                issuer: subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
                extensions: try Certificate.Extensions {
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                    Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                    SubjectKeyIdentifier(hash: .init(key.key.publicKey))
                }, issuerPrivateKey: .init(key.key))
        }
        trusted = try TrustedAuthority(HostCertificate(der: der))
    }

    /// Restores an authority from a database.
    /// - Parameters:
    ///   - certificate: DER.
    ///   - sealed: the result of ``sealedKey(under:)``.
    package init(certificate: [UInt8], sealed: [UInt8], under secret: SealingSecret) throws(IdentityProblem) {
        let bytes: [UInt8]
        do throws(IdentityProblem) { bytes = try secret.open(sealed, for: Self.purpose) } catch {
            throw IdentityProblem("the authority's key \(error)")
        }
        key = try HostKey(raw: bytes)
        trusted = try TrustedAuthority(HostCertificate(der: certificate))
        guard key.publicKey == trusted.certificate.publicKey.der else {
            throw IdentityProblem("the authority's key and certificate do not belong together")
        }
    }

    package func sealedKey(under secret: SealingSecret) throws(IdentityProblem) -> [UInt8] {
        try secret.seal(Array(key.key.rawRepresentation), for: Self.purpose)
    }

    package var pin: SHA256Digest { trusted.pin }
    /// DER.
    package var certificate: [UInt8] { trusted.certificate.der }

    /// Issues a node's certificate, for a TLS client. It is valid from 48 hours ago until `days` from now.
    /// - Parameters:
    ///   - node: the node's id, the certificate's common name.
    ///   - now: seconds since 1970.
    ///   - days: not 30 in tests only.
    package func node(
        _ node: String, key publicKey: PublicKey, now: Double, days: Double = nodeDays
    ) throws(IdentityProblem) -> HostCertificate {
        try host(named: node, publicKey, now: now, days: days, usage: .clientAuth, names: [])
    }

    /// Issues the certificate of a control server.
    /// - Parameter names: host names and addresses under which nodes reach the server.
    package func server(
        _ names: [String], key publicKey: PublicKey, now: Double, days: Double = serverDays
    ) throws(IdentityProblem) -> HostCertificate {
        try host(
            named: "swoop control", publicKey, now: now, days: days, usage: .serverAuth,
            names: names.map { name in
                ServerName.addressBytes(name).map { .ipAddress(ASN1OctetString(contentBytes: $0[...])) }
                    ?? .dnsName(name)
            })
    }

    private func host(
        named name: String, _ publicKey: PublicKey, now: Double, days: Double, usage: ExtendedKeyUsage.Usage,
        names: [GeneralName]
    ) throws(IdentityProblem) -> HostCertificate {
        let (own, authority) = (key, trusted.certificate)
        let der = try Self.sign(by: own) {
            let subject = try P256.Signing.PublicKey(derRepresentation: publicKey.der)
            var extensions = try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([usage])
                SubjectKeyIdentifier(hash: .init(subject))
                AuthorityKeyIdentifier(
                    keyIdentifier: SubjectKeyIdentifier(hash: .init(own.key.publicKey)).keyIdentifier)
            }
            if !names.isEmpty {
                try extensions.append(SubjectAlternativeNames(names).makeCertificateExtension())
            }
            return try Certificate(
                version: .v3, serialNumber: .init(), publicKey: .init(subject),
                notValidBefore: Self.date(now - Self.head), notValidAfter: Self.date(now + days * Self.day),
                issuer: authority.certificate.subject, subject: DistinguishedName { CommonName(name) },
                signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions, issuerPrivateKey: .init(own.key))
        }
        return try HostCertificate(der: der)
    }

    private static func sign(by key: HostKey, _ make: () throws -> Certificate) throws(IdentityProblem) -> [UInt8] {
        do {
            var serializer = DER.Serializer()
            try make().serialize(into: &serializer)
            return serializer.serializedBytes
        } catch {
            throw IdentityProblem("no certificate can be made: \(error)")
        }
    }

    /// Certificates have a resolution of one second.
    private static func date(_ seconds: Double) -> Date { Date(timeIntervalSince1970: seconds.rounded(.down)) }
}

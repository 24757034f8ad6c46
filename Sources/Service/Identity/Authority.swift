import FoundationEssentials
import Hashing
import SwiftASN1
import X509

import enum Crypto.P256

/// An authority with its key: makes certificates for the servers of control and for nodes.
package struct Authority: Sendable {
    package static let years = 10.0
    /// Of a node's certificate, and of a server's, in days.
    package static let nodeDays = 30.0
    package static let serverDays = 365.0
    /// Certificates begin so long before they are made, in seconds: a host's clock may be wrong.
    package static let head = 48 * 3600.0
    private static let day = 86_400.0
    /// What the key is sealed for.
    private static let purpose = "swoop authority key 1"

    private let key: HostKey
    package let trusted: TrustedAuthority

    /// A new one.
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

    /// Opens an authority as a database keeps it.
    /// - Parameters:
    ///   - certificate: DER.
    ///   - sealed: of ``sealedKey(under:)``.
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

    /// A node's certificate: begins 48 hours back, ends in 30 days, and says that its key is a client's.
    /// - Parameters:
    ///   - node: its id.
    ///   - now: seconds since 1970.
    ///   - days: other than 30 for tests.
    package func node(
        _ node: String, key publicKey: PublicKey, now: Double, days: Double = nodeDays
    ) throws(IdentityProblem) -> HostCertificate {
        try host(named: node, publicKey, now: now, days: days, usage: .clientAuth, names: [])
    }

    /// The certificate of a server of control.
    /// - Parameter names: host names and addresses by which it is reached.
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

    /// Whole seconds, as certificates have them.
    private static func date(_ seconds: Double) -> Date { Date(timeIntervalSince1970: seconds.rounded(.down)) }
}

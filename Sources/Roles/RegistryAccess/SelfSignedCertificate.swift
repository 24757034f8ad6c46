import Address
import Crypto
import Text

/// A self-signed server certificate (X.509 version 3, RFC 5280). Clients verify it by its digest (pin). Its few fields are
/// written here as DER; nothing is parsed.
package struct SelfSignedCertificate: Sendable {
    package let der: [UInt8]
    /// In PEM, PKCS #8.
    package let privateKey: Secret

    private static let days: Int64 = 3650

    /// - Parameters:
    ///   - hosts: addresses and host names by which the server is reached.
    ///   - now: seconds since 1970.
    package init(hosts: [String], now: Int64) throws {
        let key = P256.Signing.PrivateKey()
        let algorithm = DER.sequence(DER.ecdsaWithSHA256)
        let name = DER.sequence(
            DER.node(0x31, DER.sequence(DER.commonName, DER.node(0x0c, Array("swoop registry".utf8)))))
        var serial = (0..<16).map { _ in UInt8.random(in: 0 ... .max) }
        serial[0] = serial[0] & 0x3f | 0x40
        let body = DER.sequence(
            DER.node(0xa0, DER.node(0x02, [2])), DER.node(0x02, serial), algorithm, name,
            DER.sequence(DER.time(now - 86_400), DER.time(now + Self.days * 86_400)), name,
            Array(key.publicKey.derRepresentation), DER.node(0xa3, Self.extensions(hosts)))
        let signature = try key.signature(for: body)
        der = DER.sequence(body, algorithm, DER.node(0x03, [0] + Array(signature.derRepresentation)))
        privateKey = Secret(key.pemRepresentation)
    }

    private static func extensions(_ hosts: [String]) -> [UInt8] {
        let critical = DER.node(0x01, [0xff])
        let names = hosts.flatMap { host in
            PeerAddress(host: host, port: 0).map { DER.node(0x87, $0.addressBytes) } ?? DER.node(0x82, Array(host.utf8))
        }
        func value(_ bytes: [UInt8]) -> [UInt8] { DER.node(0x04, bytes) }
        return DER.sequence(
            // The certificate is not an authority for others.
            DER.sequence(DER.basicConstraints, critical, value(DER.sequence())),
            // digitalSignature: the key signs TLS handshakes.
            DER.sequence(DER.keyUsage, critical, value(DER.node(0x03, [7, 0x80]))),
            DER.sequence(DER.extendedKeyUsage, value(DER.sequence(DER.serverAuthentication))),
            DER.sequence(DER.subjectAlternativeName, value(DER.sequence(names))))
    }

    package var pem: String {
        var text = "-----BEGIN CERTIFICATE-----\n"
        var rest = Base64.encode(der)[...]
        while !rest.isEmpty {
            text += rest.prefix(64) + "\n"
            rest = rest.dropFirst(64)
        }
        return text + "-----END CERTIFICATE-----\n"
    }
}

/// Distinguished Encoding Rules of ASN.1 values (X.690).
private enum DER {
    static let ecdsaWithSHA256: [UInt8] = [0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]
    static let commonName: [UInt8] = [0x06, 3, 0x55, 0x04, 0x03]
    static let basicConstraints: [UInt8] = [0x06, 3, 0x55, 0x1d, 0x13]
    static let keyUsage: [UInt8] = [0x06, 3, 0x55, 0x1d, 0x0f]
    static let extendedKeyUsage: [UInt8] = [0x06, 3, 0x55, 0x1d, 0x25]
    static let subjectAlternativeName: [UInt8] = [0x06, 3, 0x55, 0x1d, 0x11]
    static let serverAuthentication: [UInt8] = [0x06, 8, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01]

    static func node(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        var length: [UInt8] = []
        var rest = content.count
        if rest < 128 { return [tag, UInt8(rest)] + content }
        while rest > 0 {
            length.insert(UInt8(rest & 255), at: 0)
            rest >>= 8
        }
        return [tag, 0x80 | UInt8(length.count)] + length + content
    }

    static func sequence(_ parts: [UInt8]...) -> [UInt8] { node(0x30, parts.flatMap(\.self)) }

    /// `UTCTime` until 2049, then `GeneralizedTime`.
    static func time(_ seconds: Int64) -> [UInt8] {
        let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let (date, rest) = (CivilDate(daysSince1970: days), seconds - days * 86_400)
        let parts = [date.month, date.day, rest / 3_600, rest / 60 % 60, rest % 60]
        let text = parts.map { zeroPadded($0) }.joined() + "Z"
        return date.year < 2050
            ? node(0x17, Array((zeroPadded(date.year % 100) + text).utf8))
            : node(0x18, Array((zeroPadded(date.year, 4) + text).utf8))
    }
}

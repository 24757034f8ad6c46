import Hashing
import Text

/// A node's permanent id: `n-` and 16 characters, the first 80 bits of the SHA-256 of its first public key, in base 32
/// (RFC 4648, lower case).
package struct NodeID: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let description: String

    /// - Parameter publicKey: SubjectPublicKeyInfo in DER, as in the certificate.
    package init(publicKey: [UInt8]) {
        description = "n-" + Base32.encode(SHA256.digest(publicKey).bytes.prefix(10))
    }

    package init?(_ text: String) {
        guard text.utf8.count == 18, text.utf8.starts(with: "n-".utf8),
            text.utf8.dropFirst(2).allSatisfy(Base32.isDigit)
        else { return nil }
        description = text
    }

    package static func < (left: NodeID, right: NodeID) -> Bool { left.description < right.description }
}

/// Base 32 (RFC 4648) in lower case, without padding.
package enum Base32 {
    private static let digits = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    static func isDigit(_ byte: UInt8) -> Bool { digits.contains(byte) }

    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        var (bits, count) = (UInt64(0), 0)
        for byte in bytes {
            bits = bits << 8 | UInt64(byte)
            count += 8
            while count >= 5 {
                count -= 5
                text.append(digits[Int(bits >> UInt64(count) & 31)])
            }
        }
        if count > 0 { text.append(digits[Int(bits << UInt64(5 - count) & 31)]) }
        return String(decoding: text, as: UTF8.self)
    }
}

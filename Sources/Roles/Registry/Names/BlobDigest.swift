import Hashing

/// The name of a blob: `sha256:` and the SHA-256 of its bytes in 64 lower-case hexadecimal digits.
package struct BlobDigest: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let sha256: SHA256Digest

    package init(_ sha256: SHA256Digest) { self.sha256 = sha256 }

    /// Why a text is not a digest that can be used here.
    package enum Problem: Error, Hashable, Sendable {
        case malformed
        /// A digest by another algorithm, such as `sha512`.
        case algorithm(String)
    }

    /// Parses a digest as the OCI image specification writes it. Only `sha256` is supported; upper-case digits are refused.
    package init(parsing text: some StringProtocol) throws(Problem) {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { throw .malformed }
        let (algorithm, digits) = (text[..<colon], text[text.index(after: colon)...])
        guard !algorithm.isEmpty, algorithm.utf8.count <= 32, algorithm.utf8.allSatisfy(Self.isAlgorithmByte) else {
            throw .malformed
        }
        guard algorithm == "sha256" else { throw .algorithm(String(algorithm)) }
        guard !digits.utf8.contains(where: { (0x41...0x5a).contains($0) }), let digest = SHA256Digest(hex: digits)
        else { throw .malformed }
        self.init(digest)
    }

    /// Nil for a text that is not a SHA-256 digest.
    package init?(_ text: some StringProtocol) {
        guard let digest = try? BlobDigest(parsing: text) else { return nil }
        self = digest
    }

    /// 64 hexadecimal digits.
    package var hex: String { sha256.hex }
    package var description: String { "sha256:" + sha256.hex }

    package static func < (left: Self, right: Self) -> Bool { left.sha256 < right.sha256 }

    private static func isAlgorithmByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}

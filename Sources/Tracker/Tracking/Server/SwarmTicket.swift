import Text

/// What a node of a fleet shows with its announce (`ticket=n-NAME.CODE`): its name, and a code that the fleet's control made for it.
/// Machine words, made from untrusted bytes.
public struct SwarmTicket: Sendable {
    /// Characters of a node's name, `n-` among them; hexadecimal digits of the code.
    private static let (nameLength, codeLength) = (18, 64)

    private let words: (UInt64, UInt64)
    /// 32 bytes.
    public let code: BlobKey

    /// Nil for anything else.
    public init?(query: UnsafeRawBufferPointer) {
        let size = Self.nameLength + 1 + Self.codeLength
        var bytes = [UInt8](repeating: 0, count: size)
        guard query.count <= 3 * size,
            bytes.withUnsafeMutableBytes({ PercentEncoding.decode(query, into: $0) }) == size,
            bytes.starts(with: "n-".utf8), bytes[Self.nameLength] == UInt8(ascii: "."),
            let code = BlobKey(text: Array("sha256:".utf8) + bytes[(Self.nameLength + 1)...])
        else { return nil }
        self.code = code
        words = bytes[2..<Self.nameLength].reduce(into: (0, 0)) { words, byte in
            words = (words.0 << 8 | words.1 >> 56, words.1 << 8 | UInt64(byte))
        }
    }

    /// The node's name, as it came.
    public var holder: [UInt8] {
        Array("n-".utf8)
            + [words.0, words.1].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
    }
}

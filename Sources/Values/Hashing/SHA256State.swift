/// The state of SHA-256 after some whole blocks of 64 bytes: eight words, 32 bytes, the most significant byte of each
/// word first.
///
/// Hashing can go on from a state without the bytes before it. The state after the padded end of a message is its
/// digest, so both have the same form; they are types of their own because a state in the middle is no digest of
/// anything.
public struct SHA256State: Hashable, Sendable, BitwiseCopyable {
    /// The number of bytes in a state.
    public static let byteCount = SHA256Digest.byteCount
    /// The state before the first block (FIPS 180-4, 5.3.3).
    public static let initial = SHA256Blocks.initialState.withUnsafeBufferPointer { words in
        words.baseAddress.map { SHA256State(words: $0) } ?? SHA256State(endingIn: .zero)
    }

    /// The same bytes as a digest: what the state is after the padded end of a message.
    public let digest: SHA256Digest

    /// The state in which a message with this digest ends.
    public init(endingIn digest: SHA256Digest) { self.digest = digest }

    init(words: UnsafePointer<UInt32>) { digest = SHA256Digest(state: words) }

    /// Nil unless there are exactly 32 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard let digest = SHA256Digest(bytes: bytes) else { return nil }
        self.digest = digest
    }

    /// Nil unless there are exactly 32 bytes.
    public init?(bytes: UnsafeRawBufferPointer) {
        guard let digest = SHA256Digest(bytes: bytes) else { return nil }
        self.digest = digest
    }

    /// Nil unless there are exactly 64 hexadecimal digits (either case).
    public init?(hex: some StringProtocol) {
        guard let digest = SHA256Digest(hex: hex) else { return nil }
        self.digest = digest
    }

    /// The 32 bytes.
    public var bytes: [UInt8] { digest.bytes }
    /// 64 lower-case hexadecimal digits.
    public var hex: String { digest.hex }

    /// Writes the eight words to `words`.
    func store(to words: UnsafeMutablePointer<UInt32>) {
        digest.withUnsafeBytes { bytes in
            for i in 0..<SHA256Blocks.stateWords {
                words[i] = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self))
            }
        }
    }
}

extension SHA256State: CustomStringConvertible {
    public var description: String { hex }
}

import Crypto
import Hashing

/// The digest of bytes that come in order.
struct BlobDigester: Sendable {
    private var sha256 = Crypto.SHA256()

    mutating func update(_ bytes: UnsafeRawBufferPointer) { sha256.update(bufferPointer: bytes) }

    /// Of what has come so far.
    func digest() -> Hashing.SHA256Digest { Hashing.SHA256Digest(bytes: Array(sha256.finalize())) ?? .zero }
}

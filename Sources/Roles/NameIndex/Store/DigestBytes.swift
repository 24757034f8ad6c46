import Hashing
import Registry

/// Digests in the form that stores keep: 32 bytes each.
extension BlobDigest {
    init?(stored bytes: some Collection<UInt8>) {
        guard let digest = SHA256Digest(bytes: bytes) else { return nil }
        self.init(digest)
    }

    package var stored: [UInt8] { sha256.bytes }

    /// The digests of a stored list, in which they follow one another.
    static func list(stored bytes: [UInt8]) -> [BlobDigest] {
        stride(from: 0, to: bytes.count - bytes.count % SHA256Digest.byteCount, by: SHA256Digest.byteCount)
            .compactMap { BlobDigest(stored: bytes[$0..<$0 + SHA256Digest.byteCount]) }
    }

    static func store(_ digests: [BlobDigest]) -> [UInt8] { digests.flatMap(\.stored) }
}

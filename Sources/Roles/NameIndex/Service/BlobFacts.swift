import Hashing
import Registry

/// What an index asks of origins about blobs. Implemented by the origin in the same process, or by requests to origins.
package protocol BlobFacts: Sendable {
    /// What is known of those blobs that some origin has; the others are left out.
    /// - Parameter contents: whether to send the bytes of small blobs along.
    func facts(
        of digests: [BlobDigest], under name: ContentName, contents: Bool
    ) async throws(BlobFactsError) -> [BlobDigest: BlobFact]

    /// Those that some origin has, which keeps them for another day. One request to each origin, however many digests.
    func touch(_ digests: [BlobDigest], under name: ContentName) async throws(BlobFactsError) -> Set<BlobDigest>
}

/// A blob at an origin.
package struct BlobFact: Hashable, Sendable {
    /// Blobs up to this many bytes come with what is said of them, and need no swarm.
    package static let mostContent = 64 << 10

    /// In bytes.
    package let size: Int64
    /// Of its torrent.
    package let infoHash: SHA1Digest
    /// SHA-256 of the torrent's info dictionary: what peers give is held against it.
    package let infoSHA256: SHA256Digest
    /// The whole blob, where it is small.
    package let content: [UInt8]?

    package init(size: Int64, infoHash: SHA1Digest, infoSHA256: SHA256Digest, content: [UInt8]? = nil) {
        self.size = size
        self.infoHash = infoHash
        self.infoSHA256 = infoSHA256
        self.content = content
    }
}

/// No origin could be asked.
package struct BlobFactsError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

import Hashing
import Registry

/// What an index asks of origins about blobs. Implemented by the origin in the same process, or by requests to origins.
package protocol BlobFacts: Sendable {
    /// What is known of those blobs that some origin has; the others are left out.
    /// - Parameter contents: bytes of small blobs that are to come along, at most.
    func facts(
        of digests: [BlobDigest], under name: ContentName, contents: Int
    ) async throws(BlobFactsError) -> [BlobDigest: BlobFact]

    /// The sizes of those that some origin or its back end has, which keeps them for another day. One request to each origin,
    /// however many digests.
    /// - Parameter joining: the NAME is to have them from now on: the task that brings them to its back end is durable before this
    ///   returns.
    func touch(
        _ digests: [BlobDigest], under name: ContentName, joining: Bool
    ) async throws(BlobFactsError) -> [BlobDigest: Int64]

    /// Every origin removes the blobs that no NAME has any more and nobody touched since a time, in milliseconds since 1970.
    /// - Parameter dryRun: only counts, and counts what NAMEs have that no tag reaches too.
    func sweep(untouchedSince: Int64, dryRun: Bool) async throws(BlobFactsError) -> SweptBlobs
}

extension BlobFacts {
    package func sweep(untouchedSince: Int64, dryRun: Bool) async throws(BlobFactsError) -> SweptBlobs { SweptBlobs() }
}

/// What origins took from their disks.
package struct SweptBlobs: Hashable, Sendable {
    package var blobs = 0
    package var bytes: Int64 = 0

    package init(blobs: Int = 0, bytes: Int64 = 0) {
        self.blobs = blobs
        self.bytes = bytes
    }
}

/// A blob at an origin.
package struct BlobFact: Hashable, Sendable {
    /// Blobs up to this many bytes come with what is said of them, and need no swarm.
    package static let mostContent = 64 << 10

    /// In bytes.
    package let size: Int64
    /// Of its torrent; nil for a blob without bytes, which has none.
    package let infoHash: SHA1Digest?
    /// SHA-256 of the torrent's info dictionary: what peers give is held against it. Nil likewise.
    package let infoSHA256: SHA256Digest?
    /// The whole blob, where it is small.
    package let content: [UInt8]?

    package init(size: Int64, infoHash: SHA1Digest?, infoSHA256: SHA256Digest?, content: [UInt8]? = nil) {
        self.size = size
        self.infoHash = infoHash
        self.infoSHA256 = infoSHA256
        self.content = content
    }
}

/// Why origins do not say it.
package struct BlobFactsError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        /// No origin, or no back end, answers.
        case unavailable
        /// A blob is being read from its back end: that comes to an end by itself.
        case fetching
        /// An origin has no room.
        case full
        /// A back end has something else under the blob's digest.
        case wrong

        package init?(code: String) {
            guard let kind = BlobFactsError.codes.first(where: { $0.value == code })?.key else { return nil }
            self = kind
        }
    }

    /// Of each kind, for programs: a client goes on waiting for what is being read, and not for a back end that fails.
    private static let codes: [Kind: String] = [
        .unavailable: "BACKEND", .fetching: "BLOB_COLD", .full: "BACKEND_FULL", .wrong: "BACKEND_WRONG",
    ]
    package var code: String { Self.codes[kind] ?? "BACKEND" }

    package let kind: Kind
    package let description: String

    package init(_ kind: Kind = .unavailable, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// HTTP status.
    package var status: Int {
        switch kind {
        case .unavailable, .fetching: 503
        case .full: 507
        case .wrong: 502
        }
    }
}

import Hashing
import Registry

/// The questions of an index to origins about blobs. Implemented by the origin in the same process, or by requests to
/// origins.
package protocol BlobFacts: Sendable {
    /// The facts about each blob that an origin has. Other blobs are left out.
    /// - Parameter contents: the most bytes of small blobs' contents to include, in total.
    func facts(
        of digests: [BlobDigest], under name: ContentName, contents: Int
    ) async throws(BlobFactsError) -> [BlobDigest: BlobFact]

    /// The sizes in bytes of the blobs that an origin or its back end has. Origins keep these blobs for at least another
    /// day. Takes one request to each origin for any number of digests.
    /// - Parameter joining: whether the blobs are being added to the NAME. The task that uploads them to its back end is
    ///   then durable before this returns.
    func touch(
        _ digests: [BlobDigest], under name: ContentName, joining: Bool
    ) async throws(BlobFactsError) -> [BlobDigest: Int64]

    /// Has every origin remove the blobs that no NAME has any more and that were not touched since a time, in milliseconds
    /// since 1970.
    /// - Parameter dryRun: only counts. Blobs that NAMEs have but no tag reaches are counted too.
    func sweep(untouchedSince: Int64, dryRun: Bool) async throws(BlobFactsError) -> SweptBlobs
}

extension BlobFacts {
    package func sweep(untouchedSince: Int64, dryRun: Bool) async throws(BlobFactsError) -> SweptBlobs { SweptBlobs() }
}

/// The blobs and bytes that origins removed from their disks.
package struct SweptBlobs: Hashable, Sendable {
    package var blobs = 0
    package var bytes: Int64 = 0

    package init(blobs: Int = 0, bytes: Int64 = 0) {
        self.blobs = blobs
        self.bytes = bytes
    }
}

/// The facts about a blob that an origin has.
package struct BlobFact: Hashable, Sendable {
    /// The size in bytes up to which a blob's content is included in its facts, so that it need not be fetched from a swarm.
    package static let mostContent = 64 << 10

    /// The blob's size in bytes.
    package let size: Int64
    /// The info hash of the blob's torrent; nil for a blob without bytes, which has no torrent.
    package let infoHash: SHA1Digest?
    /// The SHA-256 of the torrent's info dictionary, against which an info dictionary from a peer is verified. Nil for a
    /// blob without bytes.
    package let infoSHA256: SHA256Digest?
    /// The whole content of a small blob; else nil.
    package let content: [UInt8]?

    package init(size: Int64, infoHash: SHA1Digest?, infoSHA256: SHA256Digest?, content: [UInt8]? = nil) {
        self.size = size
        self.infoHash = infoHash
        self.infoSHA256 = infoSHA256
        self.content = content
    }
}

/// Why a question to origins failed.
package struct BlobFactsError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        /// No origin, or no back end, answers.
        case unavailable
        /// A blob is being read from its back end. That ends by itself.
        case fetching
        /// An origin's disk is full.
        case full
        /// A back end has other content for the blob's digest.
        case wrong

        package init?(code: String) {
            guard let kind = BlobFactsError.codes.first(where: { $0.value == code })?.key else { return nil }
            self = kind
        }
    }

    /// The error code of each kind, for programs. A client goes on waiting for a blob that is being read, but not for a back
    /// end that fails.
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

    /// The HTTP status of the response.
    package var status: Int {
        switch kind {
        case .unavailable, .fetching: 503
        case .full: 507
        case .wrong: 502
        }
    }
}

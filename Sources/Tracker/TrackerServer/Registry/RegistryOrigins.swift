import Address
import Tracking

/// The origins of a registry, as its tracker asks them.
package struct RegistryOrigins: Sendable {
    /// Where the owners of a blob that are up take peers, the first in rank first. Called on the tracker's loop for each announce that
    /// names a blob: answers from memory, at once.
    package var owners: @Sendable (BlobKey) -> [PeerAddress]
    /// The torrent of a blob.
    package var metainfo: @Sendable (MetainfoRequest) async -> MetainfoAnswer

    package init(
        owners: @escaping @Sendable (BlobKey) -> [PeerAddress],
        metainfo: @escaping @Sendable (MetainfoRequest) async -> MetainfoAnswer
    ) {
        self.owners = owners
        self.metainfo = metainfo
    }
}

/// `GET /namespace/{ns}/blobs/{digest}/metainfo`, for an origin to answer.
package struct MetainfoRequest: Sendable {
    /// The path as it came.
    package var path: String
    /// The header `Authorization`, if there was one.
    package var authorization: String?
}

package enum MetainfoAnswer: Sendable {
    case torrent([UInt8])
    /// An origin's refusal: its status and its words.
    case refused(status: Int, String)
    /// No origin answers.
    case unavailable
}

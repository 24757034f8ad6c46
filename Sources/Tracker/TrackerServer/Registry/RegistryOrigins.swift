import Address
import Tracking

/// The origins of a registry, as its tracker asks them.
package struct RegistryOrigins: Sendable {
    /// Where the owners of a blob that are up take peers, the first in rank first. Called on the tracker's loop for each announce that
    /// names a blob: answers from memory, at once.
    package var owners: @Sendable (BlobKey) -> [PeerAddress]
    /// Whether an announce with this proof is told of a blob's owners. Called on the tracker's loop, as ``owners``.
    package var admits: @Sendable (SwarmKey, BlobKey, _ proof: BlobKey?) -> Bool
    /// Whether the hashes of swarms are for those alone who know the registry's secret: no page shows them.
    package var hidesSwarms: @Sendable () -> Bool
    /// The torrent of a blob.
    package var metainfo: @Sendable (MetainfoRequest) async -> MetainfoAnswer

    package init(
        owners: @escaping @Sendable (BlobKey) -> [PeerAddress],
        admits: @escaping @Sendable (SwarmKey, BlobKey, _ proof: BlobKey?) -> Bool = { _, _, _ in true },
        hidesSwarms: @escaping @Sendable () -> Bool = { false },
        metainfo: @escaping @Sendable (MetainfoRequest) async -> MetainfoAnswer
    ) {
        self.owners = owners
        self.admits = admits
        self.hidesSwarms = hidesSwarms
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
    /// An origin reads the blob from its back end, and says how far it is: JSON.
    case fetching([UInt8])
    /// An origin's refusal: its status and its words.
    case refused(status: Int, String)
    /// No origin answers.
    case unavailable
}

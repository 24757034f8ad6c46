import HTTPTransport
import Registry
import Threads
import Upkeep

/// Reads pieces of a blob from the other origins that own it, to replace corrupt ones.
package struct OwnerPieces: PieceSource {
    private let watch: ClusterWatch
    private let peers: OriginPeers

    /// Most seconds that an origin may take for a piece.
    private static let patience = 60.0

    package init(watch: ClusterWatch, peers: OriginPeers) {
        self.watch = watch
        self.peers = peers
    }

    package func bytes(
        of digest: BlobDigest, size: Int64, range: Range<Int64>, names: [ContentName],
        isRight: @escaping @Sendable ([UInt8]) -> Bool
    ) async -> [UInt8]? {
        let placement = watch.placement
        for host in placement.takers(of: digest) where host != placement.own {
            // Another owner's disk may be bad in the same place.
            if let bytes = try? await peers.bytes(of: digest, range: range, at: host, within: Self.patience),
                await Threads.offload({ isRight(bytes) })
            {
                return bytes
            }
        }
        return nil
    }
}

import HTTPTransport
import Registry
import Upkeep

/// Reads pieces of a blob from the other origins that own it, to replace corrupt ones.
struct OwnerPieces: PieceSource {
    let watch: ClusterWatch
    let peers: OriginPeers

    /// Most seconds that an origin may take for a piece.
    private static let patience = 60.0

    func bytes(of digest: BlobDigest, size: Int64, range: Range<Int64>, names: [ContentName]) async -> [UInt8]? {
        let placement = watch.placement
        for host in placement.takers(of: digest) where host != placement.own {
            if let bytes = try? await peers.bytes(of: digest, range: range, at: host, within: Self.patience) {
                return bytes
            }
        }
        return nil
    }
}

import Hashing
import Metainfo
import PeerWire

/// Answers hash requests (BEP 52) from the piece layers of a torrent. Caches trees, because a peer requests one run of
/// a file after the other, and building a tree costs a hash for every piece.
struct LayerHashes {
    /// Maximum number of digests in piece layers with cached trees. A tree holds twice as many, of 32 bytes each.
    private static let mostKept = 1 << 20

    private var trees: [SHA256Digest: MerkleLayers] = [:]
    private var kept = 0

    /// - Returns: nil if the hashes are not available: unknown roots, block hashes, ranges outside the tree.
    mutating func answer(_ request: HashRequest, hashes: PieceHashes, pieceLength: Int) -> [SHA256Digest]? {
        let base = (pieceLength / MerkleTree.leafSize).trailingZeroBitCount
        guard request.isWellFormed(), Int(request.baseLayer) >= base,
            let tree = tree(request.piecesRoot, hashes, baseLayer: base)
        else { return nil }
        let range = HashRange(
            baseLayer: Int(request.baseLayer), index: Int(request.index), length: Int(request.length),
            proofLayers: Int(request.proofLayers))
        guard let answer = tree.hashes(range), answer.count == request.hashCount else { return nil }
        return answer
    }

    private mutating func tree(_ root: SHA256Digest, _ hashes: PieceHashes, baseLayer: Int) -> MerkleLayers? {
        if let known = trees[root] { return known }
        guard let layer = hashes.knownLayers[root] else { return nil }
        let nodes = Self.digests(layer)
        if kept + nodes.count > Self.mostKept {
            trees = [:]
            kept = 0
        }
        let tree = MerkleLayers(nodes: nodes, baseLayer: baseLayer, width: nodes.count)
        trees[root] = tree
        kept += nodes.count
        return tree
    }

    private static func digests(_ bytes: ArraySlice<UInt8>) -> [SHA256Digest] {
        stride(from: bytes.startIndex, to: bytes.endIndex, by: SHA256Digest.byteCount).compactMap {
            SHA256Digest(bytes: bytes[$0..<min(bytes.endIndex, $0 + SHA256Digest.byteCount)])
        }
    }
}

import Hashing
import Metainfo
import PeerWire

/// Answers hash requests (BEP 52) from the piece layers of a torrent.
enum LayerHashes {
    /// - Returns: nil for what is not there: unknown roots, block hashes, ranges out of the tree.
    static func answer(_ request: HashRequest, hashes: PieceHashes, pieceLength: Int) -> [SHA256Digest]? {
        let base = (pieceLength / MerkleTree.leafSize).trailingZeroBitCount
        guard request.isWellFormed(), Int(request.baseLayer) >= base,
            let layer = hashes.knownLayers[request.piecesRoot]
        else { return nil }
        let nodes = digests(layer)
        let tree = MerkleLayers(nodes: nodes, baseLayer: base, width: nodes.count)
        let range = HashRange(
            baseLayer: Int(request.baseLayer), index: Int(request.index), length: Int(request.length),
            proofLayers: Int(request.proofLayers))
        guard let answer = tree.hashes(range), answer.count == request.hashCount else { return nil }
        return answer
    }

    static func digests(_ bytes: ArraySlice<UInt8>) -> [SHA256Digest] {
        stride(from: bytes.startIndex, to: bytes.endIndex, by: SHA256Digest.byteCount).compactMap {
            SHA256Digest(bytes: bytes[$0..<min(bytes.endIndex, $0 + SHA256Digest.byteCount)])
        }
    }
}

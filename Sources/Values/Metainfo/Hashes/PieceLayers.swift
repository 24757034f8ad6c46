import Hashing

/// The v2 piece layers (BEP 52): for each file longer than one piece, the nodes of its Merkle tree that cover one piece
/// each. Every layer in here has been checked against its pieces root.
public struct PieceLayers: Sendable, Equatable {
    /// By pieces root: 32 bytes for each piece of the file.
    private var layers: [SHA256Digest: ArraySlice<UInt8>] = [:]

    public init() {}

    public var count: Int { layers.count }

    /// The layer of a pieces root, 32 bytes for each piece; nil while it is unknown.
    public subscript(root: SHA256Digest) -> ArraySlice<UInt8>? { layers[root] }

    /// The roots that have a layer here, sorted byte by byte.
    public var roots: [SHA256Digest] { layers.keys.sorted() }

    /// Adds the layer of a file after checking its length and its root. Files of one piece or less have no layer, and
    /// adding one does nothing.
    /// - Throws: `MetainfoError.wrongPieceLayer`.
    public mutating func add(
        _ hashes: ArraySlice<UInt8>, file: FileEntry, pieceLength: Int
    ) throws(MetainfoError) {
        guard let root = file.piecesRoot, file.length > Int64(pieceLength) else { return }
        let pieces = (file.length - 1) / Int64(pieceLength) + 1
        // Files of the same content share a layer. If two files have the same root and different lengths, one root is
        // false.
        let known = layers[root]
        guard Int64(hashes.count) == pieces * Int64(SHA256Digest.byteCount),
            known.map({ $0 == hashes }) ?? (Self.root(of: hashes, pieceLength: pieceLength) == root)
        else { throw .wrongPieceLayer(file.path.isEmpty ? "the file" : file.path.display) }
        guard known == nil else { return }
        layers[root] = hashes
    }

    /// The pieces root that a layer leads to. Missing nodes are subtrees of zero leaves.
    static func root(of hashes: ArraySlice<UInt8>, pieceLength: Int) -> SHA256Digest? {
        var digests: [SHA256Digest] = []
        digests.reserveCapacity(hashes.count / SHA256Digest.byteCount)
        var index = hashes.startIndex
        while index < hashes.endIndex {
            guard let digest = SHA256Digest(bytes: hashes[index..<index + SHA256Digest.byteCount]) else { return nil }
            digests.append(digest)
            index += SHA256Digest.byteCount
        }
        let leavesPerPiece = max(1, pieceLength / MerkleTree.leafSize)
        return MerkleTree.root(
            ofLeaves: digests, leafCount: PowerOfTwo.roundUp(digests.count),
            pad: MerkleTree.padHash(layer: leavesPerPiece.trailingZeroBitCount))
    }
}

enum PowerOfTwo {
    /// The smallest power of two that is at least `value` (and at least 1; for `value` up to 2^61).
    static func roundUp(_ value: Int) -> Int {
        guard value > 1 else { return 1 }
        return 1 << (Int.bitWidth - (value - 1).leadingZeroBitCount)
    }
}

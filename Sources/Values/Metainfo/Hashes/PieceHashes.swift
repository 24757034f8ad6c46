import Hashing

/// The expected hashes of each piece.
///
/// A v2 piece layer may be missing until peers have sent it (magnet links); `add` adds it. Until then, a piece of a
/// hybrid torrent is checked against its v1 hash alone.
///
/// A blob's pieces are checked by its SHA-256 chain alone: its v1 hashes are for other clients.
public struct PieceHashes: Sendable {
    /// The expected hash of a v2 piece: the root of a subtree over its 16 KiB blocks.
    public struct V2Expectation: Sendable, Hashable {
        public let root: SHA256Digest
        /// Number of leaves of the subtree, a power of two. Leaves past the data are zero.
        public let leafCount: Int
        /// Bytes of the piece that are hashed: those of the file, without the padding after it.
        public let dataLength: Int
    }

    public let layout: ContentLayout
    public let version: Info.Version
    /// The chain of a blob, by which its pieces are checked; nil for other torrents.
    public let chain: SHA256Chain?
    private let v1Hashes: ArraySlice<UInt8>?
    private var layers: PieceLayers

    public init(info: Info, layers: PieceLayers = PieceLayers()) {
        layout = info.layout
        version = info.version
        chain = info.chain
        v1Hashes = info.v1PieceHashes
        self.layers = layers
    }

    /// Adds a file's piece layer (32 bytes for each of its pieces) after it was fetched.
    /// - Throws: `MetainfoError.wrongPieceLayer` if it does not lead to the file's pieces root.
    public mutating func add(layer: [UInt8], ofFile file: Int) throws(MetainfoError) {
        guard layout.files.indices.contains(file) else { return }
        try layers.add(layer[...], file: layout.files[file], pieceLength: layout.pieceLength)
    }

    /// The layers known so far.
    public var knownLayers: PieceLayers { layers }

    /// Indices of the files whose piece layers are needed and missing. Files with the same content count once.
    public var filesMissingLayers: [Int] {
        guard version.hasV2 else { return [] }
        var seen: Set<SHA256Digest> = []
        return layout.files.indices.filter { index in
            let file = layout.files[index]
            guard let root = file.piecesRoot, file.length > Int64(layout.pieceLength), layers[root] == nil else {
                return false
            }
            return seen.insert(root).inserted
        }
    }

    /// A file whose pieces root has a known layer of another length. Then two files claim the same root, one of them
    /// wrongly, and the pieces of this file cannot be verified. Nil in every honest torrent.
    public var fileWithAnothersLayer: FileEntry? {
        layout.files.first { file in
            guard let root = file.piecesRoot, file.length > Int64(layout.pieceLength), let layer = layers[root] else {
                return false
            }
            let pieces = (file.length - 1) / Int64(layout.pieceLength) + 1
            return Int64(layer.count) != pieces * Int64(SHA256Digest.byteCount)
        }
    }

    /// The SHA-1 of a piece; nil in v2-only torrents.
    public func v1(_ piece: PieceIndex) -> SHA1Digest? {
        guard let v1Hashes, piece.value >= 0, piece.value < layout.pieceCount else { return nil }
        let start = v1Hashes.startIndex + piece.value * SHA1Digest.byteCount
        return SHA1Digest(bytes: v1Hashes[start..<start + SHA1Digest.byteCount])
    }

    /// The v2 expectation for a piece; nil in v1 torrents and while the layer is missing.
    public func v2(_ piece: PieceIndex) -> V2Expectation? {
        guard version.hasV2, let index = layout.fileIndex(at: layout.offset(of: piece)) else { return nil }
        let file = layout.files[index]
        guard let root = file.piecesRoot else { return nil }
        let offset = layout.offset(of: piece) - file.offset
        let pieceLength = Int64(layout.pieceLength)
        guard file.length > pieceLength else {
            let leaves = (Int(file.length) - 1) / MerkleTree.leafSize + 1
            return V2Expectation(root: root, leafCount: PowerOfTwo.roundUp(leaves), dataLength: Int(file.length))
        }
        guard let layer = layers[root] else { return nil }
        let start = layer.startIndex + Int(offset / pieceLength) * SHA256Digest.byteCount
        guard start >= layer.startIndex, start + SHA256Digest.byteCount <= layer.endIndex,
            let digest = SHA256Digest(bytes: layer[start..<start + SHA256Digest.byteCount])
        else { return nil }
        return V2Expectation(
            root: digest, leafCount: layout.pieceLength / MerkleTree.leafSize,
            dataLength: Int(min(pieceLength, file.length - offset)))
    }

    /// Whether a piece can be verified: false for pieces of v2-only torrents whose layer is missing.
    public func canVerify(_ piece: PieceIndex) -> Bool {
        if v1Hashes != nil { return piece.value >= 0 && piece.value < layout.pieceCount }
        return v2(piece) != nil
    }

    /// Whether `data`, which must have `layout.length(of:)` bytes, matches every known hash (v1 and v2) of the piece, or
    /// the chain of a blob.
    public func verify(_ piece: PieceIndex, _ data: UnsafeRawBufferPointer) -> Bool {
        verify([(piece, data)]).first ?? false
    }

    /// Verifies several pieces at once; results are in the same order. Faster, because hashing is interleaved.
    public func verify(_ batch: [(PieceIndex, UnsafeRawBufferPointer)]) -> [Bool] {
        if let chain { return chain.verify(batch) }
        var verdicts = batch.map { piece, data in
            canVerify(piece) && data.count == layout.length(of: piece) && data.count > 0
        }
        let candidates = batch.indices.filter { verdicts[$0] }
        if v1Hashes != nil {
            let digests = SHA1.digests(candidates.map { batch[$0].1 })
            for (candidate, digest) in zip(candidates, digests) where digest != v1(batch[candidate].0) {
                verdicts[candidate] = false
            }
        }
        for candidate in candidates where verdicts[candidate] {
            guard let expected = v2(batch[candidate].0) else { continue }
            let data = UnsafeRawBufferPointer(rebasing: batch[candidate].1.prefix(expected.dataLength))
            let root = MerkleTree.root(ofLeaves: MerkleTree.blockHashes(data), leafCount: expected.leafCount)
            if root != expected.root { verdicts[candidate] = false }
        }
        return verdicts
    }
}

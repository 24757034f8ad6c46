import Hashing
import Metainfo
import Synchronization

/// Recognises pieces of zeros by their expected hash, so that holes of a sparse file need not be read. The hashes of
/// zeros are computed once for each length.
final class ZeroPieces: Sendable {
    private let hashes: PieceHashes
    private let known = Mutex(Known())

    private struct Known {
        var v1: [Int: SHA1Digest] = [:]
        var v2: [V2Key: SHA256Digest] = [:]
    }

    private struct V2Key: Hashable {
        let dataLength: Int
        let leafCount: Int
    }

    init(_ hashes: PieceHashes) { self.hashes = hashes }

    enum Judgement { case zeros, other, unproven }

    /// Whether the correct content of a piece is zeros. All known hashes (v1 and v2) must agree. The v1 hashes of a blob
    /// prove nothing to whoever checks its chain: a piece that is zeros by them must be hashed like any other.
    func judge(_ piece: PieceIndex) -> Judgement {
        guard isZero(piece) else { return .other }
        return hashes.chain == nil ? .zeros : .unproven
    }

    private func isZero(_ piece: PieceIndex) -> Bool {
        let v1 = hashes.v1(piece)
        let v2 = hashes.v2(piece)
        if v1 == nil, v2 == nil { return false }
        if let v1, v1 != zeros(length: hashes.layout.length(of: piece)) { return false }
        if let v2, v2.root != root(V2Key(dataLength: v2.dataLength, leafCount: v2.leafCount)) { return false }
        return true
    }

    private func zeros(length: Int) -> SHA1Digest {
        known.withLock { known in
            if let digest = known.v1[length] { return digest }
            let digest = SHA1.digest([UInt8](repeating: 0, count: length))
            known.v1[length] = digest
            return digest
        }
    }

    private func root(_ key: V2Key) -> SHA256Digest {
        known.withLock { known in
            if let digest = known.v2[key] { return digest }
            let blocks = [UInt8](repeating: 0, count: key.dataLength).withUnsafeBytes { MerkleTree.blockHashes($0) }
            let digest = MerkleTree.root(ofLeaves: blocks, leafCount: key.leafCount)
            known.v2[key] = digest
            return digest
        }
    }
}

#if canImport(Hashing)
import Hashing
#endif
#if canImport(Metainfo)
import Metainfo
#endif
#if canImport(PeerWire)
import PeerWire
#endif

/// Gathers the piece layers that a magnet link's info dictionary does not hold (BEP 52, hash requests). Every answer
/// carries its proof up to the file's root, so that a wrong one is seen at once and its sender known.
public struct LayerFetch<Peer: Hashable & Sendable>: Sendable {
    public enum Verdict: Equatable, Sendable {
        case accepted
        /// Not asked for, or too late: to be ignored.
        case unexpected
        /// It does not lead to the root.
        case wrong
    }

    private struct Chunk: Sendable {
        let file: Int
        let request: HashRequest
        let width: Int
        var asked: (peer: Peer, at: Double)?
        var digests: [SHA256Digest]?
    }

    /// Hashes of one answer at most.
    private static var longestRun: Int { 512 }
    /// Seconds until a chunk is asked of another.
    private static var patience: Double { 10 }
    private static var requestsPerPeer: Int { 4 }

    private var chunks: [Chunk] = []
    private let pieceCounts: [Int: Int]
    private var refusedAt: [Peer: Double] = [:]

    /// - Parameter files: indices of the files whose layers are missing.
    public init(files: [Int], layout: ContentLayout) {
        var counts: [Int: Int] = [:]
        let base = (layout.pieceLength / MerkleTree.leafSize).trailingZeroBitCount
        for file in files where layout.files.indices.contains(file) {
            guard let root = layout.files[file].piecesRoot else { continue }
            let pieces = layout.pieces(ofFile: file).count
            counts[file] = pieces
            let width = MerkleTree.width(pieces)
            let run = min(Self.longestRun, width)
            for start in stride(from: 0, to: pieces, by: run) {
                let range = HashRange(baseLayer: base, index: start, length: run, proofLayers: 0).provenToRoot(
                    width: width)
                let request = HashRequest(
                    piecesRoot: root, baseLayer: UInt32(base), index: UInt32(start), length: UInt32(run),
                    proofLayers: UInt32(range.proofLayers))
                chunks.append(Chunk(file: file, request: request, width: width))
            }
        }
        pieceCounts = counts
    }

    public var isComplete: Bool { chunks.allSatisfy { $0.digests != nil } }

    public mutating func removePeer(_ peer: Peer) {
        for index in chunks.indices where chunks[index].asked?.peer == peer { chunks[index].asked = nil }
        refusedAt[peer] = nil
    }

    /// What to ask of whom now.
    public mutating func next(peers: [Peer], now: Double) -> [(peer: Peer, request: HashRequest)] {
        for index in chunks.indices {
            if let asked = chunks[index].asked, now - asked.at > Self.patience {
                chunks[index].asked = nil
                refusedAt[asked.peer] = now
            }
        }
        var requests: [(Peer, HashRequest)] = []
        for peer in peers where now - (refusedAt[peer] ?? -1e9) > 5 {
            var room = Self.requestsPerPeer - chunks.count { $0.asked?.peer == peer }
            for index in chunks.indices where room > 0 && chunks[index].asked == nil && chunks[index].digests == nil {
                chunks[index].asked = (peer, now)
                requests.append((peer, chunks[index].request))
                room -= 1
            }
        }
        return requests
    }

    public mutating func rejected(_ request: HashRequest, by peer: Peer, now: Double) {
        guard let index = chunks.firstIndex(where: { $0.request == request && $0.asked?.peer == peer }) else { return }
        chunks[index].asked = nil
        refusedAt[peer] = now
    }

    public mutating func received(_ request: HashRequest, _ digests: [SHA256Digest], from peer: Peer) -> Verdict {
        guard let index = chunks.firstIndex(where: { $0.request == request && $0.asked?.peer == peer }) else {
            return .unexpected
        }
        let chunk = chunks[index]
        chunks[index].asked = nil
        let range = HashRange(
            baseLayer: Int(request.baseLayer), index: Int(request.index), length: Int(request.length),
            proofLayers: Int(request.proofLayers))
        guard MerkleTree.verify(digests, range, width: chunk.width, root: request.piecesRoot) else { return .wrong }
        chunks[index].digests = Array(digests.prefix(Int(request.length)))
        return .accepted
    }

    /// Each file's whole layer, when all is there.
    public var layers: [(file: Int, bytes: [UInt8])] {
        guard isComplete else { return [] }
        return pieceCounts.sorted { $0.key < $1.key }.map { file, pieces in
            let digests = chunks.filter { $0.file == file }.flatMap { $0.digests ?? [] }.prefix(pieces)
            return (file, digests.flatMap(\.bytes))
        }
    }
}

import Hashing
import TestSupport
import Testing
import Text

/// The tree as BEP 52 words it, with nothing clever: all leaves, zeros included, pair by pair.
private func plainRoot(_ leaves: [SHA256Digest], width: Int) -> SHA256Digest {
    var nodes = leaves + [SHA256Digest](repeating: .zero, count: width - leaves.count)
    while nodes.count > 1 {
        nodes = stride(from: 0, to: nodes.count, by: 2).map {
            SHA256.digest(nodes[$0].bytes + nodes[$0 + 1].bytes)
        }
    }
    return nodes[0]
}

private func someDigests(_ count: Int) -> [SHA256Digest] {
    (0..<count).map { SHA256.digest(Array("leaf \($0)".utf8)) }
}

@Suite struct MerkleTests {
    @Test(arguments: [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33])
    func `the root is that of the tree with all its zero leaves`(count: Int) {
        let leaves = someDigests(count)
        for width in [MerkleTree.width(count), 2 * MerkleTree.width(count), 64] {
            #expect(
                MerkleTree.root(ofLeaves: leaves, leafCount: width) == plainRoot(leaves, width: width))
        }
    }

    @Test(arguments: 0...6)
    func `a pad hash is the root of zero leaves`(layer: Int) {
        #expect(MerkleTree.padHash(layer: layer) == plainRoot([], width: 1 << layer))
    }

    @Test func `pieces of a file lead to the root of its blocks`() {
        let leaves = someDigests(21)
        let pieces = stride(from: 0, to: leaves.count, by: 4).map {
            MerkleTree.root(ofLeaves: Array(leaves[$0..<min($0 + 4, leaves.count)]), leafCount: 4)
        }
        let root = MerkleTree.root(
            ofLeaves: pieces, leafCount: pieces.count, pad: MerkleTree.padHash(layer: 2))
        #expect(root == plainRoot(leaves, width: 32))
    }

    @Test(arguments: [0, 1, 16383, 16384, 16385, 100_000])
    func `blocks are hashed by sixteen kibibytes with a short last one`(count: Int) {
        let data = randomBytes(count)
        let expected = stride(from: 0, to: count, by: 16384).map {
            SHA256.digest(Array(data[$0..<min($0 + 16384, count)]))
        }
        #expect(data.withUnsafeBytes { MerkleTree.blockHashes($0) } == expected)
    }
}

@Suite struct HashRequestTests {
    private let leaves = someDigests(21)
    private var root: SHA256Digest { plainRoot(leaves, width: 32) }
    private var pieces: MerkleLayers {
        MerkleLayers(
            nodes: Array(MerkleLayers(nodes: leaves, baseLayer: 0, width: 32).pieceNodes), baseLayer: 2,
            width: 8)
    }

    @Test(arguments: [(0, 2), (2, 2), (4, 2), (0, 4), (4, 2), (4, 4), (0, 8), (0, 6)])
    func `a run of piece hashes proves itself up to the root`(index: Int, length: Int) throws {
        let range = HashRange(baseLayer: 2, index: index, length: length, proofLayers: 0).provenToRoot(
            width: 8)
        var hashes = try #require(pieces.hashes(range))
        #expect(hashes.count == range.hashCount(width: 8))
        #expect(MerkleTree.verify(hashes, range, width: 8, root: root))
        for wrong in hashes.indices {
            let right = hashes[wrong]
            hashes[wrong] = SHA256.digest([1])
            #expect(!MerkleTree.verify(hashes, range, width: 8, root: root))
            hashes[wrong] = right
        }
        #expect(!MerkleTree.verify(hashes + [.zero], range, width: 8, root: root))
        #expect(!MerkleTree.verify(hashes.dropLast(), range, width: 8, root: root))
    }

    @Test(arguments: 0..<6)
    func `the blocks of a piece prove themselves up to the root`(piece: Int) throws {
        let own = Array(leaves[(4 * piece)..<min(4 * piece + 4, leaves.count)])
        let below = MerkleLayers(nodes: own, baseLayer: 0, width: 4)
        for (offset, length) in [(0, 4), (0, 2), (2, 2)] {
            let range = HashRange(baseLayer: 0, index: 4 * piece + offset, length: length, proofLayers: 0)
                .provenToRoot(width: 32)
            let hashes = try #require(pieces.hashes(range, below: below))
            #expect(MerkleTree.verify(hashes, range, width: 32, root: root))
        }
    }

    @Test func `the layers that the run implies are not sent`() throws {
        // Four of eight nodes: one uncle is left, with the two layers above the base asked for.
        let range = HashRange(baseLayer: 2, index: 4, length: 4, proofLayers: 2)
        #expect(range.hashCount(width: 8) == 5)
        #expect(try #require(pieces.hashes(range)).count == 5)
        #expect(HashRange(baseLayer: 2, index: 4, length: 4, proofLayers: 1).hashCount(width: 8) == 4)
    }

    @Test(arguments: [
        HashRange(baseLayer: -1, index: 0, length: 2, proofLayers: 0),
        HashRange(baseLayer: 1, index: 0, length: 2, proofLayers: 0),
        HashRange(baseLayer: 60, index: 0, length: 2, proofLayers: 0),
        HashRange(baseLayer: 2, index: -2, length: 2, proofLayers: 0),
        HashRange(baseLayer: 2, index: 1, length: 2, proofLayers: 0),
        HashRange(baseLayer: 2, index: 8, length: 2, proofLayers: 0),
        HashRange(baseLayer: 2, index: 0, length: 1, proofLayers: 0),
        HashRange(baseLayer: 2, index: 0, length: 16, proofLayers: 0),
        HashRange(baseLayer: 2, index: 0, length: .max, proofLayers: 0),
        HashRange(baseLayer: 2, index: .max - 1, length: 2, proofLayers: 0),
        HashRange(baseLayer: 2, index: 0, length: 2, proofLayers: 3),
        HashRange(baseLayer: 2, index: 0, length: 2, proofLayers: .max),
        HashRange(baseLayer: 2, index: 0, length: 2, proofLayers: -1),
    ])
    func `a range that the tree does not have is refused`(range: HashRange) {
        #expect(pieces.hashes(range) == nil)
        #expect(!MerkleTree.verify([.zero, .zero], range, width: 8, root: root))
    }

    @Test func `a proof that stops below the root proves nothing`() throws {
        let range = HashRange(baseLayer: 2, index: 0, length: 2, proofLayers: 1)
        let hashes = try #require(pieces.hashes(range))
        #expect(!MerkleTree.verify(hashes, range, width: 8, root: root))
    }
}

extension MerkleLayers {
    /// The nodes two layers up, of a tree of blocks in pieces of four.
    fileprivate var pieceNodes: [SHA256Digest] {
        (0..<6).compactMap { piece in
            hashes(HashRange(baseLayer: 2, index: piece / 2 * 2, length: 2, proofLayers: 0))?[piece % 2]
        }
    }
}

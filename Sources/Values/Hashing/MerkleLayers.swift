/// What a hash request of BEP 52 asks for: a run of nodes of one layer of a file's tree, and their uncles.
public struct HashRange: Hashable, Sendable {
    /// Layers above the leaves: 0 asks for hashes of blocks.
    public var baseLayer: Int
    /// The first node asked for; a multiple of `length` rounded up to a power of two.
    public var index: Int
    /// The number of nodes asked for, 2 or more; not a power of two only at the end of the layer.
    public var length: Int
    /// Layers above the base for which the sibling of the run's ancestor is wanted. Layers that follow from the run
    /// itself are counted but not sent.
    public var proofLayers: Int

    public init(baseLayer: Int, index: Int, length: Int, proofLayers: Int) {
        self.baseLayer = baseLayer
        self.index = index
        self.length = length
        self.proofLayers = proofLayers
    }

    /// The range with the proof layers that lead to the root of a tree whose base layer has `width` nodes.
    public func provenToRoot(width: Int) -> HashRange {
        var range = self
        range.proofLayers = max(0, MerkleTree.layers(above: width) - 1)
        return range
    }

    /// The number of hashes that answer this request; nil if `width`, the number of nodes of the base layer (a power of
    /// two), has no such range.
    public func hashCount(width: Int) -> Int? {
        guard isValid(width: width) else { return nil }
        return length + uncleCount
    }

    /// Uncles that are sent: those of the layers above the one where the run has shrunk to a pair.
    var uncleCount: Int { max(0, proofLayers - (layersWithin - 1)) }
    /// Layers between the run and the one node that covers it.
    var layersWithin: Int { MerkleTree.layers(above: MerkleTree.width(length)) }

    func isValid(width: Int) -> Bool {
        guard baseLayer >= 0, index >= 0, length >= 2, length <= width, index <= width - length else {
            return false
        }
        guard index % MerkleTree.width(length) == 0 else { return false }
        return proofLayers >= 0 && proofLayers < MerkleTree.layers(above: width)
    }
}

/// A file's tree from some layer (usually the pieces') up to its root, to answer hash requests from.
///
/// It holds twice the bytes of that layer.
public struct MerkleLayers: Sendable {
    /// Layers above the leaves at which this begins.
    public let baseLayer: Int
    /// Nodes of that layer with those past the end of the file, a power of two.
    public let width: Int
    private let layers: [[SHA256Digest]]

    /// `width` is rounded up to a power of two that holds all of `nodes`.
    public init(nodes: [SHA256Digest], baseLayer: Int, width: Int) {
        let width = MerkleTree.width(max(width, nodes.count))
        var layers = [nodes]
        for layer in 0..<MerkleTree.layers(above: width) {
            layers.append(
                MerkleTree.layer(above: layers[layer], pad: MerkleTree.padHash(layer: baseLayer + layer)))
        }
        self.baseLayer = baseLayer
        self.width = width
        self.layers = layers
    }

    public var root: SHA256Digest { node(layer: baseLayer + layers.count - 1, index: 0) }

    private func node(layer: Int, index: Int) -> SHA256Digest {
        let nodes = layers[layer - baseLayer]
        return nodes.indices.contains(index) ? nodes[index] : MerkleTree.padHash(layer: layer)
    }

    /// The hashes that answer `range`, base layer first, then uncles from the bottom up. Nil if this tree has no such
    /// range, or not its layer.
    ///
    /// For a range below this tree's base pass in `below` the tree of the one node (such as a piece) that it lies
    /// under: made of that node's leaves, and only its width of nodes.
    public func hashes(_ range: HashRange, below: MerkleLayers? = nil) -> [SHA256Digest]? {
        let lowest = below?.baseLayer ?? baseLayer
        let layersBelow = baseLayer - lowest
        guard range.baseLayer >= lowest, layersBelow >= 0, (below?.width ?? 1) == 1 << layersBelow
        else { return nil }
        let shift = range.baseLayer - baseLayer
        let layerWidth = shift >= 0 ? (shift < layers.count ? width >> shift : 0) : width << -shift
        guard range.isValid(width: layerWidth) else { return nil }
        // Where `below` stands among the nodes of its own base.
        guard shift >= 0 || MerkleTree.width(range.length) <= 1 << -shift else { return nil }
        let start = shift >= 0 ? 0 : range.index >> -shift

        func find(_ layer: Int, _ index: Int) -> SHA256Digest {
            guard layer < baseLayer, let below else { return node(layer: layer, index: index) }
            return below.node(layer: layer, index: index - start << (baseLayer - layer))
        }
        var hashes = (range.index..<range.index + range.length).map { find(range.baseLayer, $0) }
        for step in range.layersWithin..<range.layersWithin + range.uncleCount {
            hashes.append(find(range.baseLayer + step, range.index >> step ^ 1))
        }
        return hashes
    }
}

extension MerkleTree {
    /// Whether `hashes`, a peer's answer to `range`, are nodes of the tree with `root` whose base layer has `width`
    /// nodes (a power of two). False unless the proof goes all the way to the root.
    public static func verify(
        _ hashes: [SHA256Digest], _ range: HashRange, width: Int, root: SHA256Digest
    ) -> Bool {
        guard let count = range.hashCount(width: width), hashes.count == count else { return false }
        guard range.layersWithin + range.uncleCount == layers(above: width) else { return false }
        var node = self.root(
            ofLeaves: Array(hashes[..<range.length]), leafCount: range.length,
            pad: padHash(layer: range.baseLayer))
        var index = range.index >> range.layersWithin
        for uncle in hashes[range.length...] {
            node = index % 2 == 0 ? parent(node, uncle) : parent(uncle, node)
            index >>= 1
        }
        return node == root
    }
}

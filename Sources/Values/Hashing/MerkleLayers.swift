/// The subject of a hash request (BEP 52): a run of nodes of one layer of a file's Merkle tree, and their uncle hashes.
public struct HashRange: Hashable, Sendable {
    /// The layer asked for, counted from the leaves: 0 asks for hashes of blocks.
    public var baseLayer: Int
    /// The first node asked for. Must be a multiple of `length` rounded up to a power of two.
    public var index: Int
    /// The number of nodes asked for, at least 2. A power of two except at the end of the layer.
    public var length: Int
    /// Number of layers above the base for which the request wants the sibling of the run's ancestor. Layers that can
    /// be computed from the run itself are counted but not sent.
    public var proofLayers: Int

    public init(baseLayer: Int, index: Int, length: Int, proofLayers: Int) {
        self.baseLayer = baseLayer
        self.index = index
        self.length = length
        self.proofLayers = proofLayers
    }

    /// This range with as many proof layers as lead to the root of a tree whose base layer has `width` nodes.
    public func provenToRoot(width: Int) -> HashRange {
        var range = self
        range.proofLayers = max(0, MerkleTree.layers(above: width) - 1)
        return range
    }

    /// The number of hashes in the response to this request. Nil if a base layer of `width` nodes (a power of two) has
    /// no such range.
    public func hashCount(width: Int) -> Int? {
        guard isValid(width: width) else { return nil }
        return length + uncleCount
    }

    /// Number of uncle hashes sent: those of the layers above the layer where the run has shrunk to a pair.
    var uncleCount: Int { max(0, proofLayers - (layersWithin - 1)) }
    /// Number of layers between the run and the one node that covers it.
    var layersWithin: Int { MerkleTree.layers(above: MerkleTree.width(length)) }

    func isValid(width: Int) -> Bool {
        guard baseLayer >= 0, index >= 0, length >= 2, length <= width, index <= width - length else {
            return false
        }
        guard index % MerkleTree.width(length) == 0 else { return false }
        return proofLayers >= 0 && proofLayers < MerkleTree.layers(above: width)
    }
}

/// The upper layers of a file's Merkle tree, from some layer (usually the piece layer) to the root, for answering hash
/// requests.
///
/// Takes twice the bytes of that layer.
public struct MerkleLayers: Sendable {
    /// The lowest layer stored here, counted from the leaves.
    public let baseLayer: Int
    /// Number of nodes of the lowest layer, including those past the end of the file; a power of two.
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

    /// The response to `range`: hashes of the base layer first, then uncles from the bottom up. Nil if this tree does
    /// not contain the range or its layer.
    ///
    /// For a range below the lowest layer of this tree, pass in `below` the tree of the one node (such as a piece)
    /// above the range. That tree must be built from the leaves of that node, and be exactly as wide.
    public func hashes(_ range: HashRange, below: MerkleLayers? = nil) -> [SHA256Digest]? {
        let lowest = below?.baseLayer ?? baseLayer
        let layersBelow = baseLayer - lowest
        guard range.baseLayer >= lowest, layersBelow >= 0, (below?.width ?? 1) == 1 << layersBelow
        else { return nil }
        let shift = range.baseLayer - baseLayer
        let layerWidth = shift >= 0 ? (shift < layers.count ? width >> shift : 0) : width << -shift
        guard range.isValid(width: layerWidth) else { return nil }
        // The position of `below` among the nodes of the base layer that it is built from.
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
    /// Whether `hashes`, a peer's response to `range`, are nodes of the tree with `root` whose base layer has `width`
    /// nodes (a power of two). False unless the proof reaches the root.
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

/// The Merkle tree of a file (BEP 52). Leaves are SHA-256 digests of its blocks of 16 KiB (the last block may be
/// short), an inner node is the digest of its two children, and leaves past the end of the file are 32 zero bytes.
///
/// Layer 0 holds the leaves; a node in layer n covers 2^n of them. Nodes that lie wholly past the end of the file are
/// not stored: `padHash` computes them.
public enum MerkleTree {
    /// Bytes in a block.
    public static let leafSize = 16384

    /// The digest of each block of `data`; empty if there is no data.
    public static func blockHashes(_ data: UnsafeRawBufferPointer) -> [SHA256Digest] {
        SHA256.digests(count: (data.count + leafSize - 1) / leafSize) { block in
            let start = block * leafSize
            return UnsafeRawBufferPointer(rebasing: data[start..<min(start + leafSize, data.count)])
        }
    }

    /// The parent of two nodes: the digest of their concatenation.
    public static func parent(_ left: SHA256Digest, _ right: SHA256Digest) -> SHA256Digest {
        layer(above: [left, right], pad: .zero).first ?? .zero
    }

    /// The root of a subtree of 2^layer leaves that all lie past the end of the file. `layer` is 0 to 63 (more counts
    /// as 63).
    public static func padHash(layer: Int) -> SHA256Digest {
        padHashes[max(0, min(layer, padHashes.count - 1))]
    }

    private static let padHashes: [SHA256Digest] = {
        var hashes = [SHA256Digest.zero]
        for layer in 0..<63 { hashes.append(parent(hashes[layer], hashes[layer])) }
        return hashes
    }()

    /// The layer above `nodes`; `pad` stands in for a missing right-hand node.
    public static func layer(above nodes: [SHA256Digest], pad: SHA256Digest) -> [SHA256Digest] {
        guard !nodes.isEmpty else { return [] }
        let padded = nodes.count % 2 == 0 ? nodes : nodes + [pad]
        // An array of digests has no gaps, so two neighbours are one message of 64 bytes.
        return padded.withUnsafeBytes { bytes in
            SHA256.digests(count: padded.count / 2) { pair in
                UnsafeRawBufferPointer(
                    rebasing: bytes[
                        (2 * pair * SHA256Digest.byteCount)..<(2 * (pair + 1) * SHA256Digest.byteCount)])
            }
        }
    }

    /// The root over `leaves` (nodes of any one layer), filled up with `pad` to `leafCount` nodes.
    ///
    /// `leafCount` is rounded up to a power of two that holds all the leaves. For leaves of a layer above the blocks,
    /// pass `pad: padHash(layer:)` of that layer.
    public static func root(
        ofLeaves leaves: [SHA256Digest], leafCount: Int, pad: SHA256Digest = .zero
    ) -> SHA256Digest {
        var nodes = leaves.isEmpty ? [pad] : leaves
        var padding = pad
        let wanted = width(max(leafCount, nodes.count))
        var width = 1
        while width < wanted {
            let isShort = nodes.count < wanted / width
            nodes = layer(above: nodes, pad: padding)
            if isShort { padding = parent(padding, padding) }
            width *= 2
        }
        return nodes[0]
    }

    /// The number of leaves of a tree over `count` of them: the next power of two, at least 1.
    public static func width(_ count: Int) -> Int {
        var width = 1
        while width < count, width <= Int.max / 2 { width *= 2 }
        return width
    }

    /// Number of layers above a layer of `width` nodes (a power of two): the logarithm of `width`.
    public static func layers(above width: Int) -> Int {
        max(width, 1).trailingZeroBitCount
    }
}

import Hashing

/// Which hashes of a file's Merkle tree are asked for, given or refused (BEP 52, messages 21 to 23).
public struct HashRequest: Sendable, Hashable {
    /// Root of the file's tree.
    public var piecesRoot: SHA256Digest
    /// Lowest layer asked for, in layers above the leaves (16 KiB blocks).
    public var baseLayer: UInt32
    /// First hash in that layer; a multiple of `length`.
    public var index: UInt32
    /// Number of hashes of that layer; a power of two from 2 to 512.
    public var length: UInt32
    /// Layers above the base layer to prove the hashes by, counting those that follow from the hashes themselves.
    public var proofLayers: UInt32

    public init(piecesRoot: SHA256Digest, baseLayer: UInt32, index: UInt32, length: UInt32, proofLayers: UInt32) {
        self.piecesRoot = piecesRoot
        self.baseLayer = baseLayer
        self.index = index
        self.length = length
        self.proofLayers = proofLayers
    }

    /// The length prefix of a request or reject: id, root and four numbers.
    static let frameLength = 1 + 32 + 16

    /// Whether the numbers keep BEP 52's rules and our limits. The engine still checks them against the file.
    public func isWellFormed(limits: WireLimits = .default) -> Bool {
        length >= 2 && Int(length) <= limits.mostHashes && length & (length - 1) == 0 && index % length == 0
            && Int(proofLayers) <= limits.mostProofLayers && Int(baseLayer) <= limits.mostProofLayers
    }

    /// Uncle hashes that an answer carries after the base layer's: the first log2(length) - 1 proof layers are left
    /// out, for they follow from the hashes themselves.
    /// - Precondition: well-formed; otherwise the number means nothing.
    public var uncleCount: Int { max(0, Int(proofLayers) - (length.trailingZeroBitCount - 1)) }

    /// Hashes in an answer to this request.
    public var hashCount: Int { Int(length) + uncleCount }
}

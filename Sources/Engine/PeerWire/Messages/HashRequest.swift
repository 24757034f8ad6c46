import Hashing

/// The hashes of a file's Merkle tree that a message requests, carries or rejects (BEP 52, messages 21 to 23).
public struct HashRequest: Sendable, Hashable {
    /// Root of the file's tree.
    public var piecesRoot: SHA256Digest
    /// The lowest layer requested, counted from the leaves (16 KiB blocks).
    public var baseLayer: UInt32
    /// The first hash in that layer; a multiple of `length`.
    public var index: UInt32
    /// Number of hashes of that layer; a power of two from 2 to 512.
    public var length: UInt32
    /// Number of proof layers above the base layer, including those that can be computed from the hashes themselves.
    public var proofLayers: UInt32

    public init(piecesRoot: SHA256Digest, baseLayer: UInt32, index: UInt32, length: UInt32, proofLayers: UInt32) {
        self.piecesRoot = piecesRoot
        self.baseLayer = baseLayer
        self.index = index
        self.length = length
        self.proofLayers = proofLayers
    }

    /// Length prefix of a request or reject: id, root and four numbers.
    static let frameLength = 1 + 32 + 16

    /// Whether the numbers obey BEP 52 and our limits. The engine also checks them against the file.
    public func isWellFormed(limits: WireLimits = .default) -> Bool {
        length >= 2 && Int(length) <= limits.mostHashes && length & (length - 1) == 0 && index % length == 0
            && Int(proofLayers) <= limits.mostProofLayers && Int(baseLayer) <= limits.mostProofLayers
    }

    /// Number of uncle hashes in a response, after the base layer. The first log2(length) - 1 proof layers are omitted,
    /// because they can be computed from the hashes.
    /// - Precondition: well-formed; otherwise the value is meaningless.
    public var uncleCount: Int { max(0, Int(proofLayers) - (length.trailingZeroBitCount - 1)) }

    /// Number of hashes in a response to this request.
    public var hashCount: Int { Int(length) + uncleCount }
}

/// Resource limits of a bencoded input. Each limit is checked before the memory it guards is allocated.
public struct BencodeLimits: Sendable, Hashable {
    /// Largest input, in bytes (at most 2 GiB).
    public let maxBytes: Int
    /// Maximum number of values (integers, strings, lists, dictionaries). A key and its value count as one.
    public let maxTokens: Int
    /// Maximum nesting of lists and dictionaries. Values are walked recursively, so this bounds the stack.
    public let maxDepth: Int
    /// Whether dictionary keys out of order are an error. Repeated keys always are.
    public let requiresSortedKeys: Bool

    /// Upper bound for `maxDepth`: a stack overflow cannot be caught.
    public static let deepestAllowed = 256

    public init(maxBytes: Int, maxTokens: Int, maxDepth: Int, requiresSortedKeys: Bool = false) {
        self.maxBytes = min(max(maxBytes, 0), Int(Int32.max))
        self.maxTokens = max(maxTokens, 0)
        self.maxDepth = min(max(maxDepth, 0), Self.deepestAllowed)
        self.requiresSortedKeys = requiresSortedKeys
    }

    /// Torrent files and info dictionaries: 64 MiB, 3 million values, 100 deep.
    public static let metainfo = BencodeLimits(maxBytes: 64 << 20, maxTokens: 3_000_000, maxDepth: 100)
    /// Extension messages between peers (BEP 10, 9, 11): 128 KiB, 10,000 values, 16 deep.
    public static let message = BencodeLimits(maxBytes: 128 << 10, maxTokens: 10_000, maxDepth: 16)
    /// Tracker responses over HTTP: 4 MiB, 200,000 values, 16 deep.
    public static let trackerAnswer = BencodeLimits(maxBytes: 4 << 20, maxTokens: 200_000, maxDepth: 16)
}

/// Why bytes are not the JSON that was expected, and where.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, for a person. Never a piece of the text itself: that may hold a key of an object store.
    public let reason: String
    /// 1 for the first line.
    public let line: Int
    /// 1 for the first character of a line; characters are counted as Unicode scalars.
    public let column: Int

    public var description: String { "line \(line), column \(column): \(reason)" }
}

/// How much JSON is read from a stranger.
public struct JSONLimits: Sendable, Hashable {
    public var maxBytes: Int
    /// Objects and lists within each other.
    public var maxDepth: Int
    /// Values of all kinds.
    public var maxValues: Int

    public init(maxBytes: Int, maxDepth: Int, maxValues: Int) {
        self.maxBytes = maxBytes
        self.maxDepth = maxDepth
        self.maxValues = maxValues
    }

    /// A configuration or the body of a call.
    public static let message = JSONLimits(maxBytes: 1 << 20, maxDepth: 32, maxValues: 20_000)
    /// A task file: some 100,000 files of four values each, and the lists.
    public static let taskFile = JSONLimits(maxBytes: 64 << 20, maxDepth: 32, maxValues: 2_000_000)
}

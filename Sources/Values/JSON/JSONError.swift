/// Why a JSON text was refused, and where.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The problem, for a person. Never contains a part of the text itself: the text may hold a key of an object store.
    public let reason: String
    /// Line number, from 1.
    public let line: Int
    /// Column number, from 1; counts Unicode scalars.
    public let column: Int

    public var description: String { "line \(line), column \(column): \(reason)" }
}

/// Resource limits of a JSON text from outside.
public struct JSONLimits: Sendable, Hashable {
    public var maxBytes: Int
    /// Maximum nesting of objects and arrays.
    public var maxDepth: Int
    /// Maximum number of values of all kinds.
    public var maxValues: Int

    public init(maxBytes: Int, maxDepth: Int, maxValues: Int) {
        self.maxBytes = maxBytes
        self.maxDepth = maxDepth
        self.maxValues = maxValues
    }

    /// A configuration, or the body of an API call.
    public static let message = JSONLimits(maxBytes: 1 << 20, maxDepth: 32, maxValues: 20_000)
    /// A task file: about 100,000 files of four values each, and the lists.
    public static let taskFile = JSONLimits(maxBytes: 64 << 20, maxDepth: 32, maxValues: 2_000_000)
}

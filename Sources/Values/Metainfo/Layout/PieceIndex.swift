/// The index of an existing piece. `ContentLayout.piece(_:)` makes one from an unchecked number.
public struct PieceIndex: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// From 0 to `pieceCount` - 1 of the layout.
    public let value: Int

    /// For callers that have checked `value` against the layout, such as a loop over `0..<layout.pieceCount`. With an
    /// index out of range, the functions of the layout return empty results.
    public init(unchecked value: Int) { self.value = value }

    public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
    public var description: String { "\(value)" }
}

/// The indices of all pieces of a layout, in order.
public struct PieceIndices: RandomAccessCollection, Sendable {
    public let startIndex = 0
    public let endIndex: Int

    init(count: Int) { endIndex = count }

    public subscript(position: Int) -> PieceIndex { PieceIndex(unchecked: position) }
}

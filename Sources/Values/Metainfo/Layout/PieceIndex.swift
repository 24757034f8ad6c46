/// The index of a piece that exists. `ContentLayout.piece(_:)` makes it from a number after checking it.
public struct PieceIndex: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// From 0 to one less than the layout's `pieceCount`.
    public let value: Int

    /// For a caller that has checked `value` against the layout the index is used with, such as a loop over
    /// `0..<layout.pieceCount`. An index out of range makes the layout's functions return empty results.
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

import Metainfo

/// A set of pieces of one content. Its bytes are a BEP 3 bitfield: the first piece is the high bit of the first byte,
/// and spare bits are zero.
package struct StoredPieces: Sendable, Equatable {
    /// Number of pieces of the content.
    package let pieceCount: Int
    package private(set) var bytes: [UInt8]
    /// Number of pieces in the set.
    package private(set) var count: Int

    /// The empty set, or all pieces.
    package init(pieceCount: Int, all: Bool = false) {
        self.pieceCount = max(0, pieceCount)
        bytes = [UInt8](repeating: all ? 0xff : 0, count: (self.pieceCount + 7) / 8)
        count = all ? self.pieceCount : 0
        if all, self.pieceCount % 8 != 0 { bytes[bytes.count - 1] = ~(0xff >> (self.pieceCount % 8)) }
    }

    /// Nil unless the length is right and no spare bit is set.
    package init?(pieceCount: Int, bytes: [UInt8]) {
        guard pieceCount >= 0, bytes.count == (pieceCount + 7) / 8 else { return nil }
        if pieceCount % 8 != 0, let last = bytes.last, last & (0xff >> (pieceCount % 8)) != 0 { return nil }
        self.pieceCount = pieceCount
        self.bytes = bytes
        count = bytes.reduce(0) { $0 + $1.nonzeroBitCount }
    }

    package var isEmpty: Bool { count == 0 }
    package var isFull: Bool { count == pieceCount }

    package func contains(_ piece: PieceIndex) -> Bool { contains(piece.value) }

    /// False for an index out of range.
    package func contains(_ piece: Int) -> Bool {
        piece >= 0 && piece < pieceCount && bytes[piece >> 3] & (0x80 >> UInt8(piece & 7)) != 0
    }

    package mutating func insert(_ piece: PieceIndex) { insert(piece.value) }

    /// Does nothing for an index out of range.
    package mutating func insert(_ piece: Int) {
        guard piece >= 0, piece < pieceCount, !contains(piece) else { return }
        bytes[piece >> 3] |= 0x80 >> UInt8(piece & 7)
        count += 1
    }

    package mutating func insert(_ range: Range<Int>) {
        for piece in range.clamped(to: 0..<pieceCount) { insert(piece) }
    }

    package mutating func remove(_ piece: PieceIndex) { remove(piece.value) }

    package mutating func remove(_ piece: Int) {
        guard contains(piece) else { return }
        bytes[piece >> 3] &= ~(0x80 >> UInt8(piece & 7))
        count -= 1
    }

    /// For sets of the same content only: pieces beyond this set's `pieceCount` are ignored.
    package mutating func formUnion(_ other: StoredPieces) { combine(other) { $0 | $1 } }
    package mutating func subtract(_ other: StoredPieces) { combine(other) { $0 & ~$1 } }

    package func union(_ other: StoredPieces) -> StoredPieces {
        var result = self
        result.formUnion(other)
        return result
    }

    package func subtracting(_ other: StoredPieces) -> StoredPieces {
        var result = self
        result.subtract(other)
        return result
    }

    package func isSuperset(of other: StoredPieces) -> Bool { other.subtracting(self).isEmpty }

    private mutating func combine(_ other: StoredPieces, _ operation: (UInt8, UInt8) -> UInt8) {
        guard other.pieceCount == pieceCount else { return }
        var total = 0
        for index in bytes.indices {
            bytes[index] = operation(bytes[index], other.bytes[index])
            total += bytes[index].nonzeroBitCount
        }
        count = total
    }

    /// Indices in the set, ascending.
    package var indices: some BidirectionalCollection<Int> {
        (0..<pieceCount).lazy.filter { contains($0) }
    }
}

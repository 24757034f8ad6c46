/// A set of the pieces of one torrent, one bit each: what a host has, wants, or has checked.
///
/// Members are indices below ``size``. The functions that take an `Int` leave the check to the caller, because they are
/// called for every block; those that take a ``PieceIndex`` check it.
@frozen
public struct PieceSet: Sendable, Equatable {
    /// Pieces of the torrent, not members of the set.
    public let size: Int
    @usableFromInline var members = 0
    /// Bit `n % 64` of word `n / 64` is piece `n`. Bits from `size` on are zero.
    @usableFromInline var words: [UInt64]

    /// No pieces. A size below zero counts as zero.
    @inlinable
    public init(size: Int) {
        self.size = max(0, size)
        words = Array(repeating: 0, count: (self.size + 63) / 64)
    }

    /// All pieces.
    @inlinable
    public init(full size: Int) {
        self.init(size: size)
        for index in words.indices { words[index] = .max }
        if self.size % 64 != 0, let last = words.indices.last { words[last] = (1 << UInt64(self.size % 64)) - 1 }
        members = self.size
    }

    /// Members.
    @inlinable public var count: Int { members }
    @inlinable public var isFull: Bool { members == size }
    @inlinable public var isEmpty: Bool { members == 0 }

    @inlinable
    public func contains(_ piece: Int) -> Bool { words[piece >> 6] & (1 << UInt64(piece & 63)) != 0 }

    /// - Returns: whether it was not a member before.
    @inlinable @discardableResult
    public mutating func insert(_ piece: Int) -> Bool {
        let bit: UInt64 = 1 << UInt64(piece & 63)
        if words[piece >> 6] & bit != 0 { return false }
        words[piece >> 6] |= bit
        members += 1
        return true
    }

    /// - Returns: whether it was a member.
    @inlinable @discardableResult
    public mutating func remove(_ piece: Int) -> Bool {
        let bit: UInt64 = 1 << UInt64(piece & 63)
        if words[piece >> 6] & bit == 0 { return false }
        words[piece >> 6] &= ~bit
        members -= 1
        return true
    }

    /// False for a piece that a torrent of this size does not have.
    @inlinable
    public func contains(_ piece: PieceIndex) -> Bool { covers(piece) && contains(piece.value) }

    /// Nothing happens for a piece that a torrent of this size does not have.
    @inlinable
    public mutating func insert(_ piece: PieceIndex) { if covers(piece) { insert(piece.value) } }

    @inlinable
    public mutating func remove(_ piece: PieceIndex) { if covers(piece) { remove(piece.value) } }

    /// Pieces that a torrent of this size does not have are left out.
    @inlinable
    public mutating func insert(_ pieces: Range<Int>) { for piece in pieces.clamped(to: 0..<size) { insert(piece) } }

    @usableFromInline
    func covers(_ piece: PieceIndex) -> Bool { piece.value >= 0 && piece.value < size }
}

// MARK: The form of `bitfield` messages and resume records (BEP 3): the first piece is the high bit of the first byte.

extension PieceSet {
    /// - Returns: nil when the length is wrong or a spare bit is set.
    @inlinable
    public init?(wire bytes: some Collection<UInt8>, size: Int) {
        guard size >= 0, bytes.count == (size + 7) / 8 else { return nil }
        self.init(size: size)
        var position = 0
        for byte in bytes {
            words[position / 64] |= UInt64(PieceSet.reversed(byte)) << UInt64(position % 64)
            position += 8
        }
        members = words.reduce(0) { $0 + $1.nonzeroBitCount }
        if size % 64 != 0, let last = words.last, last >> UInt64(size % 64) != 0 { return nil }
    }

    /// Exactly `(size + 7) / 8` bytes with spare bits zero.
    public var wireBytes: [UInt8] {
        (0..<(size + 7) / 8).map { PieceSet.reversed(UInt8(truncatingIfNeeded: words[$0 / 8] >> UInt64($0 % 8 * 8))) }
    }

    @usableFromInline
    static func reversed(_ byte: UInt8) -> UInt8 {
        var value = byte
        value = (value & 0xf0) >> 4 | (value & 0x0f) << 4
        value = (value & 0xcc) >> 2 | (value & 0x33) << 2
        return (value & 0xaa) >> 1 | (value & 0x55) << 1
    }
}

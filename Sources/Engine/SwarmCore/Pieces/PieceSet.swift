/// A set of the pieces of one torrent, one bit for each. Members are indices below ``size``; the caller must check
/// them.
public struct PieceSet: Sendable, Equatable {
    /// Number of pieces of the torrent, not of members.
    public let size: Int
    /// Number of members.
    public private(set) var count = 0
    private var words: [UInt64]

    public init(size: Int) {
        self.size = size
        words = Array(repeating: 0, count: (size + 63) / 64)
    }

    public init(full size: Int) {
        self.init(size: size)
        for index in words.indices { words[index] = .max }
        if size % 64 != 0, let last = words.indices.last { words[last] = (1 << UInt64(size % 64)) - 1 }
        count = size
    }

    /// Decodes the payload of a `bitfield` message (BEP 3: highest bit first).
    /// - Returns: nil if the length is wrong or a spare bit is set.
    public init?(wire bytes: some Collection<UInt8>, size: Int) {
        guard bytes.count == (size + 7) / 8 else { return nil }
        self.init(size: size)
        var position = 0
        for byte in bytes {
            words[position / 64] |= UInt64(Self.reversed(byte)) << UInt64(position % 64)
            position += 8
        }
        count = words.reduce(0) { $0 + $1.nonzeroBitCount }
        if size % 64 != 0, let last = words.last, last >> UInt64(size % 64) != 0 { return nil }
    }

    /// The payload of a `bitfield` message.
    public var wireBytes: [UInt8] {
        (0..<(size + 7) / 8).map { Self.reversed(UInt8(truncatingIfNeeded: words[$0 / 8] >> UInt64($0 % 8 * 8))) }
    }

    public var isFull: Bool { count == size }
    public var isEmpty: Bool { count == 0 }

    public func contains(_ piece: Int) -> Bool { words[piece >> 6] & (1 << UInt64(piece & 63)) != 0 }

    /// - Returns: whether the piece was added (was not a member before).
    @discardableResult
    public mutating func insert(_ piece: Int) -> Bool {
        let bit: UInt64 = 1 << UInt64(piece & 63)
        if words[piece >> 6] & bit != 0 { return false }
        words[piece >> 6] |= bit
        count += 1
        return true
    }

    /// - Returns: whether the piece was a member.
    @discardableResult
    public mutating func remove(_ piece: Int) -> Bool {
        let bit: UInt64 = 1 << UInt64(piece & 63)
        if words[piece >> 6] & bit == 0 { return false }
        words[piece >> 6] &= ~bit
        count -= 1
        return true
    }

    /// The lowest member of both sets at or after `start`; nil if there is none. Examines at most one word for every 64
    /// pieces.
    public func firstCommon(with other: PieceSet, from start: Int = 0) -> Int? {
        var index = start >> 6
        var mask: UInt64 = .max << UInt64(start & 63)
        while index < words.count, index < other.words.count {
            let common = words[index] & other.words[index] & mask
            if common != 0 { return index << 6 + common.trailingZeroBitCount }
            mask = .max
            index += 1
        }
        return nil
    }

    /// The members that are in neither of two other sets of the same size.
    public func subtracting(_ first: PieceSet, _ second: PieceSet) -> PieceSet {
        var rest = self
        for index in words.indices {
            let word = words[index] & ~first.words[index] & ~second.words[index]
            rest.count -= words[index].nonzeroBitCount - word.nonzeroBitCount
            rest.words[index] = word
        }
        return rest
    }

    /// Removes the members of another set of the same size. Examines one word for every 64 pieces.
    public mutating func subtract(_ other: PieceSet) {
        for index in words.indices where index < other.words.count {
            let word = words[index] & ~other.words[index]
            count -= words[index].nonzeroBitCount - word.nonzeroBitCount
            words[index] = word
        }
    }

    /// Number of members of this set that are not in `other`.
    public func countMissing(in other: PieceSet) -> Int {
        var total = 0
        for index in words.indices { total += (words[index] & ~other.words[index]).nonzeroBitCount }
        return total
    }

    /// Number of members of both sets.
    public func countCommon(with other: PieceSet) -> Int {
        var total = 0
        for (mine, others) in zip(words, other.words) { total += (mine & others).nonzeroBitCount }
        return total
    }

    /// Calls `body` with the members of both sets, in order.
    public func forEachCommon(with other: PieceSet, _ body: (Int) -> Void) {
        for index in 0..<min(words.count, other.words.count) {
            var word = words[index] & other.words[index]
            while word != 0 {
                body(index << 6 + word.trailingZeroBitCount)
                word &= word - 1
            }
        }
    }

    public func forEach(_ body: (Int) -> Void) {
        for index in words.indices {
            var word = words[index]
            while word != 0 {
                body(index << 6 + word.trailingZeroBitCount)
                word &= word - 1
            }
        }
    }

    private static func reversed(_ byte: UInt8) -> UInt8 {
        var value = byte
        value = (value & 0xf0) >> 4 | (value & 0x0f) << 4
        value = (value & 0xcc) >> 2 | (value & 0x33) << 2
        return (value & 0xaa) >> 1 | (value & 0x55) << 1
    }
}

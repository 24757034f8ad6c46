// Of two sets, both are of the same torrent.

extension PieceSet {
    /// The lowest member of both sets at or after `start`, nil without one. Costs a 64th of the size at most.
    @inlinable
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

    /// The members that are in neither of two sets.
    @inlinable
    public func subtracting(_ first: PieceSet, _ second: PieceSet) -> PieceSet {
        var rest = self
        for index in words.indices {
            let word = words[index] & ~first.words[index] & ~second.words[index]
            rest.members -= words[index].nonzeroBitCount - word.nonzeroBitCount
            rest.words[index] = word
        }
        return rest
    }

    /// Takes the members of another set out. Costs a 64th of the size.
    @inlinable
    public mutating func subtract(_ other: PieceSet) {
        for index in words.indices where index < other.words.count {
            let word = words[index] & ~other.words[index]
            members -= words[index].nonzeroBitCount - word.nonzeroBitCount
            words[index] = word
        }
    }

    @inlinable
    public func subtracting(_ other: PieceSet) -> PieceSet {
        var rest = self
        rest.subtract(other)
        return rest
    }

    /// Takes the members of another set in. Nothing happens for a set of another size.
    @inlinable
    public mutating func formUnion(_ other: PieceSet) {
        guard other.size == size else { return }
        for index in words.indices {
            let word = words[index] | other.words[index]
            members += word.nonzeroBitCount - words[index].nonzeroBitCount
            words[index] = word
        }
    }

    @inlinable
    public func union(_ other: PieceSet) -> PieceSet {
        var all = self
        all.formUnion(other)
        return all
    }

    /// How many members of this set are not in `other`.
    @inlinable
    public func countMissing(in other: PieceSet) -> Int {
        var total = 0
        for index in words.indices { total += (words[index] & ~other.words[index]).nonzeroBitCount }
        return total
    }

    @inlinable
    public func isSuperset(of other: PieceSet) -> Bool { other.subtracting(self).isEmpty }

    /// How many are members of both sets.
    @inlinable
    public func countCommon(with other: PieceSet) -> Int {
        var total = 0
        for (mine, others) in zip(words, other.words) { total += (mine & others).nonzeroBitCount }
        return total
    }

    /// Members of both sets, in order.
    @inlinable
    public func forEachCommon(with other: PieceSet, _ body: (Int) -> Void) {
        for index in 0..<min(words.count, other.words.count) {
            var word = words[index] & other.words[index]
            while word != 0 {
                body(index << 6 + word.trailingZeroBitCount)
                word &= word - 1
            }
        }
    }

    @inlinable
    public func forEach(_ body: (Int) -> Void) {
        for index in words.indices {
            var word = words[index]
            while word != 0 {
                body(index << 6 + word.trailingZeroBitCount)
                word &= word - 1
            }
        }
    }

    /// Members, ascending.
    public var indices: some BidirectionalCollection<Int> { (0..<size).lazy.filter { contains($0) } }
}

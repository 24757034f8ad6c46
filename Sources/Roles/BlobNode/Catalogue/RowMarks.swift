/// A set of row numbers, with one bit for each row.
struct RowMarks {
    private var words: [UInt64] = []

    func contains(_ number: UInt32) -> Bool {
        let word = Int(number >> 6)
        return word < words.count && words[word] & (1 << UInt64(number & 63)) != 0
    }

    /// - Returns: whether the number was not in the set before.
    @discardableResult
    mutating func insert(_ number: UInt32) -> Bool {
        let word = Int(number >> 6)
        let bit: UInt64 = 1 << UInt64(number & 63)
        if word >= words.count { words += repeatElement(0, count: max(64, word + 1 - words.count)) }
        guard words[word] & bit == 0 else { return false }
        words[word] |= bit
        return true
    }

    mutating func remove(_ number: UInt32) {
        let word = Int(number >> 6)
        if word < words.count { words[word] &= ~(1 << UInt64(number & 63)) }
    }

    mutating func formUnion(_ other: RowMarks) {
        if words.count < other.words.count {
            words += repeatElement(0, count: other.words.count - words.count)
        }
        for (word, bits) in other.words.enumerated() { words[word] |= bits }
    }
}

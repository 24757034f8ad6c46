/// A bencoded dictionary. Entries are sorted by the raw bytes of their keys; each key occurs once.
public struct BencodeDictionary: Sendable, Hashable {
    public struct Entry: Sendable {
        public let key: BencodeBytes
        public var value: BencodeValue
        // The range of the value in the input; both bounds are zero for a value that was not decoded.
        let spanStart: UInt32
        let spanEnd: UInt32

        init(key: BencodeBytes, value: BencodeValue, span: Range<Int> = 0..<0) {
            self.key = key
            self.value = value
            spanStart = UInt32(truncatingIfNeeded: span.lowerBound)
            spanEnd = UInt32(truncatingIfNeeded: span.upperBound)
        }

        /// The range of the value in the bytes it was decoded from; nil if it was not decoded.
        public var span: Range<Int>? { spanStart < spanEnd ? Int(spanStart)..<Int(spanEnd) : nil }
    }

    /// Sorted by the bytes of the keys.
    public private(set) var entries: [Entry]

    public init() { entries = [] }

    /// Builds a dictionary from entries in any order. If a key occurs several times, its last entry wins.
    public init(_ pairs: some Sequence<(BencodeBytes, BencodeValue)>) {
        let all = pairs.map { Entry(key: $0.0, value: $0.1) }
        entries = []
        entries.reserveCapacity(all.count)
        // `sort` is stable, so the last of several equal keys is the last one given.
        for entry in Self.sorted(all) {
            if entries.last?.key == entry.key { entries.removeLast() }
            entries.append(entry)
        }
    }

    /// Entries that the decoder has checked to be sorted and distinct.
    init(checked entries: [Entry]) { self.entries = entries }

    static func sorted(_ entries: [Entry]) -> [Entry] { entries.sorted { $0.key < $1.key } }

    public var count: Int { entries.count }
    public var isEmpty: Bool { entries.isEmpty }
    public var keys: [BencodeBytes] { entries.map(\.key) }

    /// The value of a key. Setting nil removes the key.
    public subscript(_ key: String) -> BencodeValue? {
        get { index(of: key.utf8).map { entries[$0].value } }
        set { self[BencodeBytes(key)] = newValue }
    }

    /// The value of a key given as bytes. Setting nil removes the key.
    public subscript(_ key: BencodeBytes) -> BencodeValue? {
        get { index(of: key.slice).map { entries[$0].value } }
        set {
            let place = firstIndex(notBefore: key.slice)
            let exists = place < entries.count && entries[place].key == key
            switch (newValue, exists) {
            case (let value?, true): entries[place] = Entry(key: key, value: value)
            case (let value?, false): entries.insert(Entry(key: key, value: value), at: place)
            case (nil, true): entries.remove(at: place)
            case (nil, false): break
            }
        }
    }

    /// The range of a key's value in the bytes it was decoded from; nil if absent or not decoded.
    public func span(of key: String) -> Range<Int>? { index(of: key.utf8).flatMap { entries[$0].span } }

    private func index(of key: some Collection<UInt8>) -> Int? {
        let place = firstIndex(notBefore: key)
        guard place < entries.count, entries[place].key.order(against: key) == 0 else { return nil }
        return place
    }

    private func firstIndex(notBefore key: some Collection<UInt8>) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = low + (high - low) / 2
            if entries[middle].key.order(against: key) < 0 { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // Compares contents only; the ranges of values in their inputs do not matter.
    public static func == (left: Self, right: Self) -> Bool {
        left.entries.count == right.entries.count
            && zip(left.entries, right.entries).allSatisfy { $0.key == $1.key && $0.value == $1.value }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(entries.count)
        for entry in entries {
            hasher.combine(entry.key)
            hasher.combine(entry.value)
        }
    }
}

extension BencodeDictionary {
    /// Whether the input had its keys in byte order, as BEP 3 requires. True if the dictionary was not decoded.
    public var keysWereSorted: Bool {
        zip(entries, entries.dropFirst()).allSatisfy { first, second in first.spanEnd <= second.spanEnd }
    }
}

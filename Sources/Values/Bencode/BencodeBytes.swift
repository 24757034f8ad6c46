/// A byte string: a range of a shared array. Compared, sorted and hashed as bytes, never as text.
///
/// The value keeps the whole array alive. Copy it with `Array(_:)` if it should outlive a large input.
public struct BencodeBytes: Sendable, Hashable, Comparable, RandomAccessCollection {
    // 32-bit bounds keep a value at 24 bytes; `BencodeLimits.maxBytes` and `init(_:)` keep them in range.
    private let storage: [UInt8]
    private let lower: UInt32
    private let upper: UInt32

    /// A range of `storage`. The caller has checked that it lies inside.
    init(storage: [UInt8], range: Range<Int>) {
        self.storage = storage
        lower = UInt32(truncatingIfNeeded: range.lowerBound)
        upper = UInt32(truncatingIfNeeded: range.upperBound)
    }

    /// Copies `bytes`.
    /// - Precondition: fewer than 4 GiB (values encoded here are far smaller).
    public init(_ bytes: some Sequence<UInt8>) {
        storage = Array(bytes)
        precondition(storage.count <= Int(UInt32.max), "a bencoded string is limited to 4 GiB")
        lower = 0
        upper = UInt32(truncatingIfNeeded: storage.count)
    }

    /// The UTF-8 bytes of `text`.
    public init(_ text: String) { self.init(text.utf8) }

    /// The bytes, without a copy. Indices are those of the shared array.
    public var slice: ArraySlice<UInt8> { storage[Int(lower)..<Int(upper)] }

    /// The text, if the bytes are valid UTF-8.
    public var string: String? { String(validating: slice, as: UTF8.self) }

    public var startIndex: Int { 0 }
    public var endIndex: Int { Int(upper) - Int(lower) }
    public subscript(position: Int) -> UInt8 {
        precondition(position >= 0 && position < endIndex)
        return storage[Int(lower) + position]
    }

    public func withContiguousStorageIfAvailable<R>(_ body: (UnsafeBufferPointer<UInt8>) throws -> R) rethrows -> R? {
        try slice.withContiguousStorageIfAvailable(body)
    }

    public static func == (left: Self, right: Self) -> Bool {
        left.count == right.count && left.slice.elementsEqual(right.slice)
    }

    public static func < (left: Self, right: Self) -> Bool { left.order(against: right.slice) < 0 }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(count)
        slice.withUnsafeBytes { hasher.combine(bytes: $0) }
    }

    /// Negative, zero or positive if `self` sorts before, equal to or after `other`, byte by byte.
    func order(against other: some Collection<UInt8>) -> Int {
        var index = Int(lower)
        let end = Int(upper)
        for byte in other {
            guard index < end else { return -1 }
            let own = storage[index]
            if own != byte { return own < byte ? -1 : 1 }
            index += 1
        }
        return index < end ? 1 : 0
    }
}

extension BencodeBytes: ExpressibleByStringLiteral, ExpressibleByArrayLiteral {
    public init(stringLiteral value: String) { self.init(value) }
    public init(arrayLiteral elements: UInt8...) { self.init(elements) }
}

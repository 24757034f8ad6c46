/// A bencoded value as it appears in its input: its bytes, with its parts decoded on demand.
///
/// For data that is not hashed and must be kept byte for byte, such as the keys around an info dictionary. Reading is
/// lenient: numbers and lengths may have leading zeros, and keys may be unsorted or repeated. Nothing is copied.
public struct BencodeView: Sendable, Hashable {
    /// The encoding of this value. Indices are those of the input.
    public let bytes: ArraySlice<UInt8>

    /// An entry of a dictionary.
    public struct Field: Sendable, Hashable {
        public let key: ArraySlice<UInt8>
        /// The encoding of the key and its value.
        public let bytes: ArraySlice<UInt8>
        public let value: BencodeView
    }

    /// The value at the start of `bytes`; more bytes may follow it.
    /// - Throws: `BencodeError` if the input cannot be parsed further, or exceeds `limits`.
    public init(prefixOf bytes: ArraySlice<UInt8>, limits: BencodeLimits = .metainfo) throws(BencodeError) {
        guard bytes.count <= limits.maxBytes else { throw BencodeError(.tooLarge, at: limits.maxBytes) }
        var scanner = BencodeScanner(bytes: bytes, limits: limits)
        self.bytes = bytes[bytes.startIndex..<(try scanner.end())]
    }

    private init(scanned bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// The string's bytes; nil for any other kind.
    public var string: ArraySlice<UInt8>? {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes.first.map(BencodeScanner.isDigit) == true
        else {
            return nil
        }
        return bytes[(colon + 1)...]
    }

    /// The string as text; nil for any other kind and for bytes that are not UTF-8.
    public var text: String? { string.flatMap { String(validating: $0, as: UTF8.self) } }

    /// The integer; nil for any other kind, and for a number that is not a whole number of 64 bits.
    public var integer: Int64? {
        guard bytes.first == UInt8(ascii: "i") else { return nil }
        return Int64(String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self))
    }

    /// The list's values; nil for any other kind.
    public var list: [BencodeView]? {
        guard bytes.first == UInt8(ascii: "l") else { return nil }
        var values: [BencodeView] = []
        var rest = bytes.dropFirst().dropLast()
        while let value = Self.next(&rest) { values.append(value) }
        return values
    }

    /// The dictionary's entries in the order of the input; nil for any other kind.
    public var fields: [Field]? {
        guard bytes.first == UInt8(ascii: "d") else { return nil }
        var fields: [Field] = []
        var rest = bytes.dropFirst().dropLast()
        while true {
            let start = rest.startIndex
            guard let key = Self.next(&rest)?.string, let value = Self.next(&rest) else { return fields }
            fields.append(Field(key: key, bytes: bytes[start..<rest.startIndex], value: value))
        }
    }

    /// Removes the first value from bytes that have already been scanned.
    private static func next(_ rest: inout ArraySlice<UInt8>) -> BencodeView? {
        guard !rest.isEmpty else { return nil }
        var scanner = BencodeScanner(bytes: rest, limits: .metainfo)
        guard let end = try? scanner.end() else { return nil }
        defer { rest = rest[end...] }
        return BencodeView(scanned: rest[rest.startIndex..<end])
    }
}

/// Finds the end of a value. Iterative, with one byte of memory for each level of nesting.
struct BencodeScanner {
    private enum Level: UInt8 { case list, dictionaryKey, dictionaryValue }

    private let bytes: ArraySlice<UInt8>
    private let limits: BencodeLimits
    private var position: Int

    init(bytes: ArraySlice<UInt8>, limits: BencodeLimits) {
        self.bytes = bytes
        self.limits = limits
        position = bytes.startIndex
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    /// The offset one past the value at the start of the bytes.
    mutating func end() throws(BencodeError) -> Int {
        var levels: [Level] = []
        var tokens = 0
        while true {
            let byte = try peek()
            if byte == UInt8(ascii: "e"), let level = levels.last, level != .dictionaryValue {
                levels.removeLast()
                position += 1
            } else if levels.last == .dictionaryKey {
                guard Self.isDigit(byte) else { throw BencodeError(.keyNotString, at: position) }
                try skipString()
                levels[levels.count - 1] = .dictionaryValue
                continue
            } else {
                tokens += 1
                guard tokens <= limits.maxTokens else { throw BencodeError(.tooManyTokens, at: position) }
                switch byte {
                case UInt8(ascii: "l"), UInt8(ascii: "d"):
                    guard levels.count < limits.maxDepth else { throw BencodeError(.tooDeep, at: position) }
                    levels.append(byte == UInt8(ascii: "l") ? .list : .dictionaryKey)
                    position += 1
                    continue
                case UInt8(ascii: "i"): try skipInteger()
                case _ where Self.isDigit(byte): try skipString()
                default: throw BencodeError(.unexpectedByte, at: position)
                }
            }
            guard let level = levels.last else { return position }
            if level == .dictionaryValue { levels[levels.count - 1] = .dictionaryKey }
        }
    }

    private func peek() throws(BencodeError) -> UInt8 {
        guard position < bytes.endIndex else { throw BencodeError(.truncated, at: position) }
        return bytes[position]
    }

    private mutating func skipString() throws(BencodeError) {
        let start = position
        var length = 0
        while Self.isDigit(try peek()) {
            // A length greater than the whole input is past the end however many digits follow, so nothing here
            // overflows.
            length = min(length * 10 + Int(bytes[position] - UInt8(ascii: "0")), bytes.count + 1)
            position += 1
        }
        guard bytes[position] == UInt8(ascii: ":") else { throw BencodeError(.badLength, at: start) }
        position += 1
        guard length <= bytes.endIndex - position else { throw BencodeError(.lengthPastEnd, at: start) }
        position += length
    }

    /// Skips a number without checking its value. Callers that need the value check it later.
    private mutating func skipInteger() throws(BencodeError) {
        let start = position
        position += 1
        while try peek() != UInt8(ascii: "e") {
            guard Self.isDigit(bytes[position]) || "+-. ".utf8.contains(bytes[position]), position - start < 64 else {
                throw BencodeError(.badInteger, at: start)
            }
            position += 1
        }
        position += 1
    }
}

/// One pass over the input. Recursion is bounded by `BencodeLimits.maxDepth`, memory by its other limits.
struct BencodeDecoder {
    private let bytes: [UInt8]
    private let limits: BencodeLimits
    private var depth = 0
    private var tokens = 0
    /// Offset of the next byte to read.
    private(set) var position = 0

    init(bytes: [UInt8], limits: BencodeLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    mutating func decodeValue() throws(BencodeError) -> BencodeValue {
        guard bytes.count <= limits.maxBytes else { throw BencodeError(.tooLarge, at: limits.maxBytes) }
        return try value()
    }

    private mutating func value() throws(BencodeError) -> BencodeValue {
        tokens += 1
        guard tokens <= limits.maxTokens else { throw BencodeError(.tooManyTokens, at: position) }
        switch try peek() {
        case UInt8(ascii: "i"): return .integer(try integer())
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return .bytes(try string())
        case UInt8(ascii: "l"): return .list(try list())
        case UInt8(ascii: "d"): return .dictionary(try dictionary())
        default: throw BencodeError(.unexpectedByte, at: position)
        }
    }

    private func peek() throws(BencodeError) -> UInt8 {
        guard position < bytes.count else { throw BencodeError(.truncated, at: position) }
        return bytes[position]
    }

    private mutating func enter() throws(BencodeError) {
        depth += 1
        guard depth <= limits.maxDepth else { throw BencodeError(.tooDeep, at: position) }
        position += 1
    }

    private mutating func list() throws(BencodeError) -> [BencodeValue] {
        try enter()
        var values: [BencodeValue] = []
        while try peek() != UInt8(ascii: "e") { values.append(try value()) }
        position += 1
        depth -= 1
        return values
    }

    private mutating func dictionary() throws(BencodeError) -> BencodeDictionary {
        let start = position
        try enter()
        var entries: [BencodeDictionary.Entry] = []
        var isSorted = true
        while true {
            let byte = try peek()
            if byte == UInt8(ascii: "e") { break }
            let keyStart = position
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else {
                throw BencodeError(.keyNotString, at: keyStart)
            }
            let key = try string()
            if let last = entries.last {
                let order = last.key.order(against: key.slice)
                if order == 0 { throw BencodeError(.duplicateKey, at: keyStart) }
                if order > 0 {
                    guard !limits.requiresSortedKeys else { throw BencodeError(.unsortedKeys, at: keyStart) }
                    isSorted = false
                }
            }
            let valueStart = position
            let value = try value()
            entries.append(.init(key: key, value: value, span: valueStart..<position))
        }
        position += 1
        depth -= 1
        guard !isSorted else { return BencodeDictionary(checked: entries) }
        entries = BencodeDictionary.sorted(entries)
        for index in entries.indices.dropFirst() where entries[index].key == entries[index - 1].key {
            throw BencodeError(.duplicateKey, at: start)
        }
        return BencodeDictionary(checked: entries)
    }

    private mutating func integer() throws(BencodeError) -> Int64 {
        let start = position
        position += 1
        let isNegative = try peek() == UInt8(ascii: "-")
        if isNegative { position += 1 }
        let firstDigit = position
        var magnitude: UInt64 = 0
        while true {
            let byte = try peek()
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { break }
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(byte &- UInt8(ascii: "0")))
            guard !overflow, !carry else { throw BencodeError(.integerOutOfRange, at: start) }
            magnitude = sum
            position += 1
        }
        let digits = position - firstDigit
        guard bytes[position] == UInt8(ascii: "e"), digits > 0 else { throw BencodeError(.badInteger, at: start) }
        if bytes[firstDigit] == UInt8(ascii: "0"), digits > 1 || isNegative {
            throw BencodeError(.badInteger, at: start)
        }
        position += 1
        if isNegative {
            guard magnitude <= Int64.min.magnitude else { throw BencodeError(.integerOutOfRange, at: start) }
            return Int64(truncatingIfNeeded: 0 &- magnitude)
        }
        guard let value = Int64(exactly: magnitude) else { throw BencodeError(.integerOutOfRange, at: start) }
        return value
    }

    private mutating func string() throws(BencodeError) -> BencodeBytes {
        let start = position
        var length = 0
        while true {
            let byte = try peek()
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { break }
            // No length that fits the input needs more digits than this, so nothing here can overflow.
            guard position - start < 10 else { throw BencodeError(.lengthPastEnd, at: start) }
            length = length * 10 + Int(byte - UInt8(ascii: "0"))
            position += 1
        }
        guard bytes[position] == UInt8(ascii: ":") else { throw BencodeError(.badLength, at: start) }
        if bytes[start] == UInt8(ascii: "0"), position - start > 1 { throw BencodeError(.badLength, at: start) }
        position += 1
        guard length <= bytes.count - position else { throw BencodeError(.lengthPastEnd, at: start) }
        defer { position += length }
        return BencodeBytes(storage: bytes, range: position..<position + length)
    }
}

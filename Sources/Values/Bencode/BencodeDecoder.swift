/// Decodes the input in one pass. `BencodeLimits.maxDepth` bounds recursion; the other limits bound memory.
struct BencodeDecoder {
    private let bytes: [UInt8]
    private let limits: BencodeLimits
    private let leniency: BencodeLeniency
    private var depth = 0
    private var tokens = 0
    /// The input was cut off and the leniency accepts that: every open list and dictionary ends here.
    private var isCutOff = false
    /// Offset of the next byte to read.
    private(set) var position = 0

    init(bytes: [UInt8], limits: BencodeLimits, leniency: BencodeLeniency = []) {
        self.bytes = bytes
        self.limits = limits
        self.leniency = leniency
    }

    /// Decodes one value that fills the whole input. The leniency may allow other bytes around it.
    mutating func decodeWhole() throws(BencodeError) -> BencodeValue {
        skipBlanks()
        let value = try decodeValue()
        skipBlanks()
        guard position >= bytes.count || isCutOff || leniency.contains(.anythingBehind) else {
            throw BencodeError(.trailingBytes, at: position)
        }
        return value
    }

    private mutating func skipBlanks() {
        guard leniency.contains(.blanksAround) else { return }
        while position < bytes.count, [0x00, 0x09, 0x0a, 0x0d, 0x20].contains(bytes[position]) { position += 1 }
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

    /// Whether the open list or dictionary has another element.
    private func isGoingOn() throws(BencodeError) -> Bool {
        if isCutOff { return false }
        return try peek() != UInt8(ascii: "e")
    }

    private mutating func list() throws(BencodeError) -> [BencodeValue] {
        try enter()
        var values: [BencodeValue] = []
        do throws(BencodeError) {
            while try isGoingOn() { values.append(try value()) }
        } catch {
            try forgive(error)
        }
        position += 1
        depth -= 1
        return values
    }

    private mutating func dictionary() throws(BencodeError) -> BencodeDictionary {
        let start = position
        try enter()
        var entries: [BencodeDictionary.Entry] = []
        var isOrdered = true
        do throws(BencodeError) {
            while try isGoingOn() {
                let entry = try entry()
                if let last = entries.last {
                    let order = last.key.order(against: entry.key.slice)
                    if order >= 0 {
                        try checkOrder(order, at: entry.keyStart)
                        isOrdered = false
                    }
                }
                entries.append(.init(key: entry.key, value: entry.value, span: entry.span))
            }
        } catch {
            try forgive(error)
        }
        position += 1
        depth -= 1
        guard !isOrdered else { return BencodeDictionary(checked: entries) }
        return BencodeDictionary(checked: try distinct(BencodeDictionary.sorted(entries), start: start))
    }

    private mutating func entry() throws(BencodeError)
        -> (key: BencodeBytes, keyStart: Int, value: BencodeValue, span: Range<Int>)
    {
        let keyStart = position
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(try peek()) else {
            throw BencodeError(.keyNotString, at: keyStart)
        }
        let key = try string()
        guard !isCutOff else { throw BencodeError(.truncated, at: keyStart) }
        let valueStart = position
        let value = try value()
        return (key, keyStart, value, valueStart..<min(position, bytes.count))
    }

    /// - Parameter order: how the previous key compares with the key at `offset`: 0 for the same key, positive for keys
    ///   out of order.
    private func checkOrder(_ order: Int, at offset: Int) throws(BencodeError) {
        if order == 0, !leniency.contains(.repeatedKeys) { throw BencodeError(.duplicateKey, at: offset) }
        if order > 0, limits.requiresSortedKeys { throw BencodeError(.unsortedKeys, at: offset) }
    }

    /// The first entry of each key, from entries sorted stably by key.
    private func distinct(
        _ entries: [BencodeDictionary.Entry], start: Int
    ) throws(BencodeError) -> [BencodeDictionary.Entry] {
        var kept: [BencodeDictionary.Entry] = []
        kept.reserveCapacity(entries.count)
        for entry in entries {
            if let last = kept.last, last.key == entry.key {
                guard leniency.contains(.repeatedKeys) else { throw BencodeError(.duplicateKey, at: start) }
            } else {
                kept.append(entry)
            }
        }
        return kept
    }

    /// Closes all open values at the offending byte, if the leniency allows it. Errors of limits are always thrown.
    private mutating func forgive(_ error: BencodeError) throws(BencodeError) {
        switch error.code {
        case .tooLarge, .tooManyTokens, .tooDeep, .duplicateKey, .unsortedKeys, .trailingBytes: throw error
        case .truncated, .unexpectedByte, .badInteger, .integerOutOfRange, .badLength, .lengthPastEnd, .keyNotString:
            guard leniency.contains(.cutOff) else { throw error }
            isCutOff = true
        }
    }

    private mutating func integer() throws(BencodeError) -> Int64 {
        let start = position
        let isLoose = leniency.contains(.looseIntegers)
        position += 1
        let isNegative = try peek() == UInt8(ascii: "-")
        if isNegative { position += 1 }
        let firstDigit = position
        var magnitude: UInt64 = 0
        var isHuge = false
        while let digit = try digit() {
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
            guard !overflow, !carry else {
                guard isLoose else { throw BencodeError(.integerOutOfRange, at: start) }
                isHuge = true
                continue
            }
            magnitude = sum
        }
        let digits = position - firstDigit
        if isLoose, bytes[position] == UInt8(ascii: ".") {
            position += 1
            while try digit() != nil {}
        }
        guard bytes[position] == UInt8(ascii: "e"), digits > 0 || isLoose else {
            throw BencodeError(.badInteger, at: start)
        }
        if !isLoose, bytes[firstDigit] == UInt8(ascii: "0"), digits > 1 || isNegative {
            throw BencodeError(.badInteger, at: start)
        }
        position += 1
        if isNegative, !isHuge, magnitude <= Int64.min.magnitude { return Int64(truncatingIfNeeded: 0 &- magnitude) }
        if !isNegative, !isHuge, let value = Int64(exactly: magnitude) { return value }
        guard isLoose else { throw BencodeError(.integerOutOfRange, at: start) }
        return isNegative ? .min : .max
    }

    /// Consumes the next byte if it is a digit.
    private mutating func digit() throws(BencodeError) -> UInt8? {
        let byte = try peek()
        guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
        position += 1
        return byte &- UInt8(ascii: "0")
    }

    private mutating func string() throws(BencodeError) -> BencodeBytes {
        let start = position
        var length = 0
        while let digit = try digit() {
            // No length that fits the input has more digits, so the arithmetic below cannot overflow.
            guard position - start <= 10 else { throw BencodeError(.lengthPastEnd, at: start) }
            length = length * 10 + Int(digit)
        }
        guard bytes[position] == UInt8(ascii: ":") else { throw BencodeError(.badLength, at: start) }
        if bytes[start] == UInt8(ascii: "0"), position - start > 1, !leniency.contains(.looseIntegers) {
            throw BencodeError(.badLength, at: start)
        }
        position += 1
        let left = bytes.count - position
        if length > left {
            guard leniency.contains(.cutOff) else { throw BencodeError(.lengthPastEnd, at: start) }
            isCutOff = true
            length = left
        }
        defer { position += length }
        return BencodeBytes(storage: bytes, range: position..<position + length)
    }
}

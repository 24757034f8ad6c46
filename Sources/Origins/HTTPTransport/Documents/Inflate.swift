/// A DEFLATE decoder (RFC 1951) with bounded output.
///
/// Accepts any input: invalid data throws an error and never traps. Decodes bit by bit; meant for documents, not for
/// files.
package struct Inflate {
    package enum Failure: Error, Sendable {
        /// The data is not a DEFLATE stream, or ends too early.
        case corrupt
        /// The output exceeds the limit.
        case tooLarge
    }

    private let input: ArraySlice<UInt8>
    private var position: Int
    private var bits: UInt32 = 0
    private var bitCount = 0
    private var output: [UInt8] = []
    private let limit: Int

    private init(_ input: ArraySlice<UInt8>, limit: Int) {
        self.input = input
        position = input.startIndex
        self.limit = limit
    }

    /// - Parameter limit: maximum number of output bytes.
    /// - Returns: the output, and the number of input bytes used.
    package static func inflate(
        _ input: ArraySlice<UInt8>, limit: Int
    ) throws(Failure) -> (output: [UInt8], consumed: Int) {
        var inflate = Inflate(input, limit: limit)
        try inflate.run()
        return (inflate.output, inflate.position - input.startIndex)
    }

    private mutating func run() throws(Failure) {
        var isLast = false
        while !isLast {
            isLast = try readBits(1) == 1
            switch try readBits(2) {
            case 0: try stored()
            case 1: try compressed(HuffmanCode.fixedLiterals, HuffmanCode.fixedDistances)
            case 2:
                let (literals, distances) = try codes()
                try compressed(literals, distances)
            default: throw .corrupt
            }
        }
    }

    /// Reads the next bits; the first bit is the lowest.
    private mutating func readBits(_ count: Int) throws(Failure) -> Int {
        while bitCount < count {
            guard position < input.endIndex else { throw .corrupt }
            bits |= UInt32(input[position]) << UInt32(bitCount)
            position += 1
            bitCount += 8
        }
        let value = bits & (1 << UInt32(count) - 1)
        bits >>= UInt32(count)
        bitCount -= count
        return Int(value)
    }

    private mutating func stored() throws(Failure) {
        bits = 0
        bitCount = 0
        guard input.endIndex - position >= 4 else { throw .corrupt }
        let length = Int(input[position]) | Int(input[position + 1]) << 8
        let complement = Int(input[position + 2]) | Int(input[position + 3]) << 8
        position += 4
        guard length == ~complement & 0xffff, input.endIndex - position >= length else { throw .corrupt }
        guard output.count + length <= limit else { throw .tooLarge }
        output += input[position..<position + length]
        position += length
    }

    /// Base and extra bits of symbols 257 to 285 (RFC 1951, 3.2.5).
    private static let lengths: [(base: Int, extra: Int)] = [
        (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0), (10, 0), (11, 1), (13, 1), (15, 1), (17, 1), (19, 2),
        (23, 2), (27, 2), (31, 2), (35, 3), (43, 3), (51, 3), (59, 3), (67, 4), (83, 4), (99, 4), (115, 4), (131, 5),
        (163, 5), (195, 5), (227, 5), (258, 0),
    ]
    private static let distances: [(base: Int, extra: Int)] = [
        (1, 0), (2, 0), (3, 0), (4, 0), (5, 1), (7, 1), (9, 2), (13, 2), (17, 3), (25, 3), (33, 4), (49, 4), (65, 5),
        (97, 5), (129, 6), (193, 6), (257, 7), (385, 7), (513, 8), (769, 8), (1_025, 9), (1_537, 9), (2_049, 10),
        (3_073, 10), (4_097, 11), (6_145, 11), (8_193, 12), (12_289, 12), (16_385, 13), (24_577, 13),
    ]

    private mutating func compressed(_ literals: HuffmanCode, _ distances: HuffmanCode) throws(Failure) {
        while true {
            let symbol = try decode(literals)
            if symbol == 256 { return }
            if symbol < 256 {
                guard output.count < limit else { throw .tooLarge }
                output.append(UInt8(truncatingIfNeeded: symbol))
                continue
            }
            guard symbol - 257 < Self.lengths.count else { throw .corrupt }
            let length = Self.lengths[symbol - 257]
            let count = length.base + (try readBits(length.extra))
            let place = try decode(distances)
            guard place < Self.distances.count else { throw .corrupt }
            let distance = Self.distances[place].base + (try readBits(Self.distances[place].extra))
            guard distance <= output.count else { throw .corrupt }
            guard output.count + count <= limit else { throw .tooLarge }
            // Byte by byte, because source and destination may overlap.
            for _ in 0..<count { output.append(output[output.count - distance]) }
        }
    }

    private mutating func decode(_ code: HuffmanCode) throws(Failure) -> Int {
        var (value, first, index) = (0, 0, 0)
        for length in 1...HuffmanCode.longest {
            value |= try readBits(1)
            let count = code.counts[length]
            if value - count < first { return code.symbols[index + value - first] }
            index += count
            first = (first + count) << 1
            value <<= 1
        }
        throw .corrupt
    }

    private static let lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

    /// Reads the code tables of a dynamic block (RFC 1951, 3.2.7).
    private mutating func codes() throws(Failure) -> (literals: HuffmanCode, distances: HuffmanCode) {
        let (literalCount, distanceCount) = (try readBits(5) + 257, try readBits(5) + 1)
        var orderLengths = [Int](repeating: 0, count: 19)
        for place in 0..<(try readBits(4) + 4) { orderLengths[Self.lengthOrder[place]] = try readBits(3) }
        guard let order = HuffmanCode(lengths: orderLengths[...]) else { throw .corrupt }
        var all: [Int] = []
        while all.count < literalCount + distanceCount {
            switch try decode(order) {
            case let length where length < 16: all.append(length)
            case 16:
                guard let last = all.last else { throw .corrupt }
                all += [Int](repeating: last, count: 3 + (try readBits(2)))
            case 17: all += [Int](repeating: 0, count: 3 + (try readBits(3)))
            default: all += [Int](repeating: 0, count: 11 + (try readBits(7)))
            }
        }
        guard all.count == literalCount + distanceCount, all[256] > 0,
            let literals = HuffmanCode(lengths: all[..<literalCount]),
            let distances = HuffmanCode(lengths: all[literalCount...])
        else { throw .corrupt }
        return (literals, distances)
    }
}

/// A canonical Huffman code (RFC 1951, 3.2.2).
struct HuffmanCode {
    static let longest = 15

    /// Number of codes of each length.
    let counts: [Int]
    /// Symbols in the order of their codes.
    let symbols: [Int]

    /// - Parameter lengths: code length of each symbol, 0 to 15; 0 for a symbol without a code.
    /// - Returns: nil if there are more codes than the lengths allow. Unassigned codes are detected when they occur in
    ///   the data.
    init?(lengths: ArraySlice<Int>) {
        var counts = [Int](repeating: 0, count: HuffmanCode.longest + 1)
        for length in lengths { counts[length] += 1 }
        counts[0] = 0
        var left = 1
        var starts = [0, 0]
        for length in 1...HuffmanCode.longest {
            left = left << 1 - counts[length]
            guard left >= 0 else { return nil }
            starts.append(starts[length] + counts[length])
        }
        var symbols = [Int](repeating: 0, count: starts[HuffmanCode.longest + 1])
        for (symbol, length) in zip(0..., lengths) where length > 0 {
            symbols[starts[length]] = symbol
            starts[length] += 1
        }
        self.counts = counts
        self.symbols = symbols
    }

    private init(complete lengths: [Int]) {
        self = HuffmanCode(lengths: lengths[...]) ?? HuffmanCode(counts: [], symbols: [])
    }

    private init(counts: [Int], symbols: [Int]) {
        self.counts = counts
        self.symbols = symbols
    }

    static let fixedLiterals = HuffmanCode(
        complete: [Int](repeating: 8, count: 144) + [Int](repeating: 9, count: 112)
            + [Int](repeating: 7, count: 24) + [Int](repeating: 8, count: 8))
    static let fixedDistances = HuffmanCode(complete: [Int](repeating: 5, count: 30))
}

import CSHA

/// One message hashed by SHA-256 and at the same time, in some lanes, by SHA-1: the SHA-1 of a lane begins anew wherever
/// the caller says, at a multiple of 64 bytes, for pieces of the message.
///
/// The rounds of one function fill the gaps of the other: with one lane of SHA-1 beside it, SHA-256 takes a tenth longer
/// than alone.
public struct DualStream: Sendable {
    /// Maximum number of lanes of SHA-1 that fill gaps; more cost as much again.
    private static let mostBeside = Int(CSHA_MOST_BESIDE)

    /// A SHA-1 in progress.
    private struct Lane {
        var words = SHA1Blocks.initialState
        /// Where it began in the message, a multiple of 64.
        var start: Int64
    }

    /// Bytes of the message taken so far.
    public private(set) var byteCount: Int64
    private var words: [UInt32]
    private var lanes: [Lane]
    /// The bytes after the last whole block, fewer than 64: the same for all, as all begin at a block.
    private var rest: [UInt8] = []
    private let implementation: Implementation

    /// A message from its beginning.
    /// - Parameter lanes: number of SHA-1s, usually one.
    public init(lanes: Int) { self.init(from: .initial, at: 0, lanes: lanes, checked: .best) }

    /// A message that goes on from `state` after `byteCount` bytes. All lanes begin there. Nil unless `byteCount` is a multiple of 64 and not negative.
    /// - Parameter lanes: number of SHA-1s, usually one.
    public init?(from state: SHA256State, at byteCount: Int64, lanes: Int) {
        self.init(from: state, at: byteCount, lanes: lanes, by: .best)
    }

    package init?(from state: SHA256State, at byteCount: Int64, lanes: Int, by implementation: Implementation) {
        guard byteCount >= 0, byteCount % Int64(Lanes.blockSize) == 0 else { return nil }
        self.init(from: state, at: byteCount, lanes: lanes, checked: implementation)
    }

    private init(from state: SHA256State, at byteCount: Int64, lanes: Int, checked implementation: Implementation) {
        self.byteCount = byteCount
        self.implementation = implementation
        words = [UInt32](repeating: 0, count: SHA256Blocks.stateWords)
        words.withUnsafeMutableBufferPointer { words in words.baseAddress.map { state.store(to: $0) } }
        self.lanes = [Lane](repeating: Lane(start: byteCount), count: max(0, lanes))
    }

    public var laneCount: Int { lanes.count }

    /// SHA-256's state after the bytes taken so far; nil unless their number is a multiple of 64.
    public var state: SHA256State? { rest.isEmpty ? blockState : nil }

    private var blockState: SHA256State {
        words.withUnsafeBufferPointer { words in words.baseAddress.map { SHA256State(words: $0) } } ?? .initial
    }

    /// The SHA-256 of the message so far. More can be added after it.
    public var digest: SHA256Digest {
        rest.withUnsafeBytes { rest in
            let run = SHA256Run(from: blockState, rest, endOfMessageOf: byteCount)
            return SHA256.states(after: [run], by: implementation)[0]?.digest ?? .zero
        }
    }

    /// The SHA-1 of the bytes that a lane was given since it began.
    public func sha1(_ lane: Int) -> SHA1Digest {
        guard lanes.indices.contains(lane) else { return .zero }
        var words = lanes[lane].words
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Padding.mostBytes) { end in
            words.withUnsafeMutableBufferPointer { words in
                guard let start = end.baseAddress, let words = words.baseAddress else { return .zero }
                let blocks = rest.withUnsafeBytes {
                    Padding.write(rest: $0, byteCount: Int(byteCount - lanes[lane].start), to: start)
                }
                if implementation == .portable {
                    PortableBlocks.advanceSHA1(words, start, blocks: blocks)
                } else {
                    SHA1Blocks.advance(
                        by: implementation, lanes: 1, states: [words], data: [UnsafeRawPointer(start)], blocks: blocks)
                }
                return SHA1Digest(state: words)
            }
        }
    }

    /// Begins a new SHA-1 in a lane. Does nothing unless the bytes so far are a multiple of 64.
    public mutating func restart(_ lane: Int) {
        guard rest.isEmpty, lanes.indices.contains(lane) else { return }
        lanes[lane] = Lane(start: byteCount)
    }

    /// Ends the first lane; the others move up.
    public mutating func removeFirstLane() {
        if !lanes.isEmpty { lanes.removeFirst() }
    }

    /// Whole multiples of 64 bytes are fastest.
    public mutating func update(_ part: UnsafeRawBufferPointer) {
        var part = part
        byteCount += Int64(part.count)
        if !rest.isEmpty {
            let taken = min(Lanes.blockSize - rest.count, part.count)
            rest.append(contentsOf: part[..<taken])
            part = UnsafeRawBufferPointer(rebasing: part[taken...])
            guard rest.count == Lanes.blockSize else { return }
            let block = rest
            block.withUnsafeBytes { advance($0) }
            rest.removeAll(keepingCapacity: true)
        }
        let whole = part.count / Lanes.blockSize * Lanes.blockSize
        rest.append(contentsOf: part[whole...])
        if whole > 0 { advance(UnsafeRawBufferPointer(rebasing: part[..<whole])) }
    }

    /// - Parameter bytes: whole blocks.
    private mutating func advance(_ bytes: UnsafeRawBufferPointer) {
        guard let data = bytes.baseAddress else { return }
        let blocks = bytes.count / Lanes.blockSize
        let size = SHA256Blocks.stateWords
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: (lanes.count + 1) * size) { all in
            guard let all = all.baseAddress else { return }
            for (index, lane) in lanes.enumerated() { Self.copy(lane.words, to: all + index * size) }
            Self.copy(words, to: all + lanes.count * size)
            advance((0...lanes.count).map { all + $0 * size }, data, blocks)
            for index in lanes.indices { Self.copy(all + index * size, to: &lanes[index].words) }
            Self.copy(all + lanes.count * size, to: &words)
        }
    }

    /// - Parameter states: of the lanes, and after them of SHA-256.
    private func advance(_ states: [UnsafeMutablePointer<UInt32>], _ data: UnsafeRawPointer, _ blocks: Int) {
        guard let last = states.last else { return }
        var alone = states.dropLast()
        if implementation == .portable {
            PortableBlocks.advance(last, data, blocks: blocks)
            for state in alone { PortableBlocks.advanceSHA1(state, data, blocks: blocks) }
            return
        }
        let beside = alone.prefix(Self.mostBeside)
        alone = alone.dropFirst(beside.count)
        if beside.isEmpty {
            SHA256Blocks.advance(by: implementation, lanes: 1, states: [last], data: [data], blocks: blocks)
        } else {
            csha_both(
                implementation.rawValue, Int32(truncatingIfNeeded: beside.count), beside.map(Optional.some) + [last],
                data, blocks)
        }
        while !alone.isEmpty {
            let group = alone.prefix(Lanes.most)
            SHA1Blocks.advance(
                by: implementation, lanes: group.count, states: group.map(Optional.some),
                data: [UnsafeRawPointer?](repeating: data, count: group.count), blocks: blocks)
            alone = alone.dropFirst(group.count)
        }
    }

    private static func copy(_ words: [UInt32], to target: UnsafeMutablePointer<UInt32>) {
        for (index, word) in words.enumerated() { target[index] = word }
    }

    private static func copy(_ source: UnsafeMutablePointer<UInt32>, to words: inout [UInt32]) {
        for index in words.indices { words[index] = source[index] }
    }
}

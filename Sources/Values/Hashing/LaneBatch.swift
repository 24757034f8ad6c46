/// Hashes any number of independent messages, up to `Lanes.most` at the same time.
///
/// A lane hashes the whole blocks of a message, then the one or two padded blocks at its end, and then starts the next
/// message. All lanes that have work advance together by the number of blocks left in the lane that has the fewest.
struct LaneBatch<Function: BlockFunction>: ~Copyable {
    private struct Lane {
        var message: Int
        var bytes: UnsafeRawBufferPointer
        /// Blocks of 64 bytes left before the padded end, or left in the padded end once the lane has reached it.
        var blocks: Int
        var isAtEnd: Bool
    }

    // `init` allocates these buffers, only this value uses them, and `deinit` frees them.
    private let words: UnsafeMutablePointer<UInt32>
    private let ends: UnsafeMutablePointer<UInt8>
    private let states: UnsafeMutablePointer<UnsafeMutablePointer<UInt32>?>
    private let data: UnsafeMutablePointer<UnsafeRawPointer?>
    private let lanes: UnsafeMutablePointer<Lane>

    private let implementation: Implementation

    private init(by implementation: Implementation) {
        self.implementation = implementation
        words = .allocate(capacity: Lanes.most * Function.stateWords)
        ends = .allocate(capacity: Lanes.most * Padding.mostBytes)
        states = .allocate(capacity: Lanes.most)
        data = .allocate(capacity: Lanes.most)
        lanes = .allocate(capacity: Lanes.most)
        for lane in 0..<Lanes.most { states[lane] = words + lane * Function.stateWords }
    }

    deinit {
        words.deallocate()
        ends.deallocate()
        states.deallocate()
        data.deallocate()
        lanes.deallocate()
    }

    /// Calls `store` once for each message, in no particular order. A message must stay in memory until then.
    static func run(
        count: Int, by implementation: Implementation = .best, mostLanes: Int = Lanes.most,
        message: (Int) -> UnsafeRawBufferPointer, store: (Int, Function.Digest) -> Void
    ) {
        switch implementation {
        case .portable:
            for index in 0..<count { store(index, Function.Portable.digest(message(index))) }
        case .avx2, .avx512:
            LaneBatch(by: implementation).run(count: count, mostLanes: mostLanes, message: message, store: store)
        }
    }

    private borrowing func run(
        count: Int, mostLanes: Int, message: (Int) -> UnsafeRawBufferPointer,
        store: (Int, Function.Digest) -> Void
    ) {
        var next = 0
        var active = 0
        while active < mostLanes, next < count {
            start(active, message: next, message(next))
            active += 1
            next += 1
        }
        while active > 0 {
            advance(active)
            var lane = 0
            while lane < active {
                if lanes[lane].blocks == 0, !lanes[lane].isAtEnd { startEnd(of: lane) }
                guard lanes[lane].blocks == 0 else {
                    lane += 1
                    continue
                }
                if let state = states[lane] { store(lanes[lane].message, Function.digest(state: state)) }
                if next < count {
                    start(lane, message: next, message(next))
                    next += 1
                } else {
                    active -= 1
                    let freed = states[lane]
                    states[lane] = states[active]
                    states[active] = freed
                    data[lane] = data[active]
                    lanes[lane] = lanes[active]
                }
            }
        }
    }

    private borrowing func start(_ lane: Int, message: Int, _ bytes: UnsafeRawBufferPointer) {
        Function.initialState.withUnsafeBufferPointer { initial in
            guard let from = initial.baseAddress else { return }
            states[lane]?.update(from: from, count: Function.stateWords)
        }
        data[lane] = bytes.baseAddress
        lanes[lane] = Lane(
            message: message, bytes: bytes, blocks: bytes.count / Lanes.blockSize, isAtEnd: false)
    }

    private borrowing func startEnd(of lane: Int) {
        let bytes = lanes[lane].bytes
        let rest = UnsafeRawBufferPointer(
            rebasing: bytes[(bytes.count / Lanes.blockSize * Lanes.blockSize)...])
        let end = ends + lane * Padding.mostBytes
        lanes[lane].blocks = Padding.write(rest: rest, byteCount: bytes.count, to: end)
        lanes[lane].isAtEnd = true
        data[lane] = UnsafeRawPointer(end)
    }

    /// Advances the first `active` lanes until one of them has to switch to its padded end or its next message.
    private borrowing func advance(_ active: Int) {
        var blocks = lanes[0].blocks
        for lane in 1..<max(active, 1) { blocks = min(blocks, lanes[lane].blocks) }
        guard blocks > 0 else { return }
        Function.advance(by: implementation, lanes: active, states: states, data: data, blocks: blocks)
        for lane in 0..<active {
            data[lane] = data[lane].map { $0 + blocks * Lanes.blockSize }
            lanes[lane].blocks -= blocks
        }
    }
}

/// The end of a message (FIPS 180-4): a 1 bit, zeros, and the length in bits as 64 bits, filling up the last block.
enum Padding {
    /// The padded end takes one or two blocks.
    static let mostBytes = 2 * Lanes.blockSize

    /// Writes the last `rest` bytes (under 64) of a message of `byteCount` bytes and its padding. Returns the block
    /// count.
    static func write(
        rest: UnsafeRawBufferPointer, byteCount: Int, to end: UnsafeMutablePointer<UInt8>
    ) -> Int {
        let blocks = rest.count < Lanes.blockSize - 8 ? 1 : 2
        end.update(repeating: 0, count: blocks * Lanes.blockSize)
        UnsafeMutableRawBufferPointer(start: end, count: mostBytes).copyMemory(from: rest)
        end[rest.count] = 0x80
        let bits = UInt64(truncatingIfNeeded: byteCount) << 3
        for i in 0..<8 {
            end[blocks * Lanes.blockSize - 1 - i] = UInt8(truncatingIfNeeded: bits >> (8 * UInt64(i)))
        }
        return blocks
    }
}

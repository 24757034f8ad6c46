/// Several SHA-1 digests in progress. Each takes its message in parts and has one lane; the parts are hashed together.
///
/// For messages that are too large to hold at once, such as pieces of 16 MiB: each round gives every lane its next
/// part.
public struct SHA1Streams: ~Copyable {
    /// Maximum number of lanes that brings a gain.
    public static let mostLanes = Lanes.most
    public let laneCount: Int
    private let implementation: Implementation

    // `init` allocates this buffer, only this value uses it, and `deinit` frees it.
    private let words: UnsafeMutablePointer<UInt32>
    private let partial: UnsafeMutablePointer<UInt8>
    private var byteCounts: [Int]
    private var portable: [PortableSHA1]

    /// `laneCount` is clamped to 1 to `mostLanes`.
    public init(laneCount: Int = mostLanes) {
        self.init(laneCount: laneCount, by: .best)
    }

    package init(laneCount: Int, by implementation: Implementation) {
        let count = max(1, min(laneCount, Lanes.most))
        self.laneCount = count
        self.implementation = implementation
        words = .allocate(capacity: Lanes.most * SHA1Blocks.stateWords)
        partial = .allocate(capacity: Lanes.most * Padding.mostBytes)
        byteCounts = [Int](repeating: 0, count: count)
        portable = implementation == .portable ? (0..<count).map { _ in PortableSHA1() } : []
        for lane in 0..<count { reset(lane) }
    }

    deinit {
        words.deallocate()
        partial.deallocate()
    }

    private func state(_ lane: Int) -> UnsafeMutablePointer<UInt32> {
        words + lane * SHA1Blocks.stateWords
    }
    private func partial(_ lane: Int) -> UnsafeMutablePointer<UInt8> {
        partial + lane * Padding.mostBytes
    }

    private mutating func reset(_ lane: Int) {
        byteCounts[lane] = 0
        if implementation == .portable { portable[lane] = PortableSHA1() }
        for (i, word) in SHA1Blocks.initialState.enumerated() { state(lane)[i] = word }
    }

    /// Appends `parts[i]` to the message of lane i. Parts may be empty and of different lengths; whole multiples of 64
    /// bytes are fastest. Parts beyond the number of lanes are ignored.
    public mutating func update(_ parts: [UnsafeRawBufferPointer]) {
        let count = min(parts.count, laneCount)
        guard implementation != .portable else {
            for lane in 0..<count { portable[lane].update(parts[lane]) }
            return
        }
        let lanes = (0..<count).map { lane in
            let whole = takeLooseEnds(lane, of: parts[lane])
            return Lane(
                state: state(lane), data: whole.baseAddress, blocks: whole.count / Lanes.blockSize)
        }
        advance(lanes)
    }

    /// Returns the digest of everything lane `lane` was given since its last digest, and starts a new message in that
    /// lane. Nil if there is no such lane.
    public mutating func finish(_ lane: Int) -> SHA1Digest? {
        guard (0..<laneCount).contains(lane) else { return nil }
        defer { reset(lane) }
        guard implementation != .portable else { return portable[lane].finish() }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Padding.mostBytes) { end in
            guard let start = end.baseAddress else { return nil }
            let rest = UnsafeRawBufferPointer(
                start: partial(lane), count: byteCounts[lane] % Lanes.blockSize)
            let blocks = Padding.write(rest: rest, byteCount: byteCounts[lane], to: start)
            advance([Lane(state: state(lane), data: UnsafeRawPointer(start), blocks: blocks)])
            return SHA1Blocks.digest(state: state(lane))
        }
    }

    private struct Lane {
        let state: UnsafeMutablePointer<UInt32>
        var data: UnsafeRawPointer?
        var blocks: Int
    }

    /// Copies the bytes of `part` that do not make whole blocks into the lane's buffer. Returns the whole blocks, which
    /// the caller still has to hash.
    private mutating func takeLooseEnds(_ lane: Int, of part: UnsafeRawBufferPointer)
        -> UnsafeRawBufferPointer
    {
        var part = part
        let held = byteCounts[lane] % Lanes.blockSize
        byteCounts[lane] += part.count
        if held > 0 {
            let taken = min(Lanes.blockSize - held, part.count)
            hold(UnsafeRawBufferPointer(rebasing: part[..<taken]), lane, at: held)
            part = UnsafeRawBufferPointer(rebasing: part[taken...])
            guard held + taken == Lanes.blockSize else { return part }
            advance([Lane(state: state(lane), data: UnsafeRawPointer(partial(lane)), blocks: 1)])
        }
        let whole = part.count / Lanes.blockSize * Lanes.blockSize
        hold(UnsafeRawBufferPointer(rebasing: part[whole...]), lane, at: 0)
        return UnsafeRawBufferPointer(rebasing: part[..<whole])
    }

    private func hold(_ bytes: UnsafeRawBufferPointer, _ lane: Int, at offset: Int) {
        UnsafeMutableRawBufferPointer(start: partial(lane) + offset, count: Padding.mostBytes - offset)
            .copyMemory(from: bytes)
    }

    /// Advances all of `lanes` to the end of their blocks, as many at the same time as possible.
    private func advance(_ lanes: [Lane]) {
        var lanes = lanes.filter { $0.blocks > 0 }
        while let blocks = lanes.map(\.blocks).min() {
            let states = lanes.map { Optional($0.state) }
            let data = lanes.map(\.data)
            SHA1Blocks.advance(
                by: implementation, lanes: lanes.count, states: states, data: data, blocks: blocks)
            for lane in lanes.indices {
                lanes[lane].blocks -= blocks
                lanes[lane].data = lanes[lane].data.map { $0 + blocks * Lanes.blockSize }
            }
            lanes.removeAll { $0.blocks == 0 }
        }
    }
}

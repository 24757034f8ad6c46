/// A run of bytes of a message, to be hashed from the state at its start.
public struct SHA256Run {
    /// The state before the first byte of the run.
    public let start: SHA256State
    public let bytes: UnsafeRawBufferPointer
    /// Bytes of the whole message if the run is its end; nil if more bytes follow.
    public let messageLength: Int64?

    public init(from start: SHA256State, _ bytes: UnsafeRawBufferPointer, endOfMessageOf messageLength: Int64? = nil) {
        self.start = start
        self.bytes = bytes
        self.messageLength = messageLength
    }

    /// A run must begin at a multiple of 64 bytes of its message. It must end at one too, unless the message ends.
    fileprivate var isValid: Bool {
        let block = Int64(Lanes.blockSize)
        guard let messageLength else { return Int64(bytes.count) % block == 0 }
        return messageLength >= Int64(bytes.count) && (messageLength - Int64(bytes.count)) % block == 0
    }
}

extension SHA256 {
    /// The state after each of `runs`, in the same order; for the end of a message, the state is its digest. Nil for a
    /// run that does not begin or end at a block of its message.
    ///
    /// The runs are independent, even those of one message, so this thread hashes several at the same time: nearly
    /// twice as fast as one after the other.
    public static func states(after runs: [SHA256Run]) -> [SHA256State?] { states(after: runs, by: .best) }

    package static func states(after runs: [SHA256Run], by implementation: Implementation) -> [SHA256State?] {
        var words = [UInt32](repeating: 0, count: runs.count * SHA256Blocks.stateWords)
        var ends = [UInt8](repeating: 0, count: runs.count * Padding.mostBytes)
        return words.withUnsafeMutableBufferPointer { words in
            ends.withUnsafeMutableBufferPointer { ends in
                guard let words = words.baseAddress, let ends = ends.baseAddress else { return [] }
                let state = { words + $0 * SHA256Blocks.stateWords }
                for (index, run) in runs.enumerated() { run.start.store(to: state(index)) }
                advance(
                    by: implementation,
                    runs.enumerated().map { index, run in
                        Lane(
                            state: state(index), data: run.bytes.baseAddress,
                            blocks: run.isValid ? run.bytes.count / Lanes.blockSize : 0)
                    })
                advance(
                    by: implementation,
                    runs.enumerated().compactMap { index, run in
                        guard run.isValid, let length = run.messageLength else { return nil }
                        let rest = run.bytes[(run.bytes.count / Lanes.blockSize * Lanes.blockSize)...]
                        let end = ends + index * Padding.mostBytes
                        let blocks = Padding.write(
                            rest: UnsafeRawBufferPointer(rebasing: rest), byteCount: Int(length), to: end)
                        return Lane(state: state(index), data: UnsafeRawPointer(end), blocks: blocks)
                    })
                return runs.indices.map { runs[$0].isValid ? SHA256State(words: state($0)) : nil }
            }
        }
    }

    private struct Lane {
        let state: UnsafeMutablePointer<UInt32>
        var data: UnsafeRawPointer?
        var blocks: Int
    }

    /// Advances each of `lanes` to the end of its blocks, as many at the same time as possible.
    private static func advance(by implementation: Implementation, _ lanes: [Lane]) {
        var waiting = lanes.lazy.filter { $0.blocks > 0 }.makeIterator()
        var active: [Lane] = []
        while true {
            while active.count < Lanes.most, let next = waiting.next() { active.append(next) }
            guard let blocks = active.lazy.map(\.blocks).min() else { return }
            if implementation == .portable {
                for lane in active { lane.data.map { PortableBlocks.advance(lane.state, $0, blocks: blocks) } }
            } else {
                SHA256Blocks.advance(
                    by: implementation, lanes: active.count, states: active.map { Optional($0.state) },
                    data: active.map(\.data), blocks: blocks)
            }
            for lane in active.indices {
                active[lane].blocks -= blocks
                active[lane].data = active[lane].data.map { $0 + blocks * Lanes.blockSize }
            }
            active.removeAll { $0.blocks == 0 }
        }
    }
}

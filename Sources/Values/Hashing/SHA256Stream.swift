/// The SHA-256 of one message that arrives in parts.
///
/// Gives out its state at every multiple of 64 bytes, and goes on from one: a chain of states, and an interrupted
/// upload that continues, need no byte twice.
public struct SHA256Stream: Sendable {
    /// Bytes taken so far.
    public private(set) var byteCount: Int64
    /// The state after the whole blocks.
    private var blockState: SHA256State
    /// The bytes after the last whole block, fewer than 64.
    private var rest: [UInt8] = []

    public init() {
        byteCount = 0
        blockState = .initial
    }

    /// Goes on after `byteCount` bytes. Nil unless that is a multiple of 64 and not negative.
    public init?(from state: SHA256State, at byteCount: Int64) {
        guard byteCount >= 0, byteCount % Int64(Lanes.blockSize) == 0 else { return nil }
        self.byteCount = byteCount
        blockState = state
    }

    /// The state after the bytes taken so far; nil unless their number is a multiple of 64.
    public var state: SHA256State? { rest.isEmpty ? blockState : nil }

    /// The state at the last multiple of 64 bytes, and that number of bytes.
    public var lastState: (state: SHA256State, byteCount: Int64) { (blockState, byteCount - Int64(rest.count)) }

    /// The digest of the bytes taken so far. More can be added after it.
    public var digest: SHA256Digest {
        rest.withUnsafeBytes { rest in
            SHA256.states(after: [SHA256Run(from: blockState, rest, endOfMessageOf: byteCount)])[0]?.digest ?? .zero
        }
    }

    /// Whole multiples of 64 bytes are fastest.
    public mutating func update(_ part: UnsafeRawBufferPointer) {
        let whole = takeLooseEnds(of: part)
        if !whole.isEmpty { advance(SHA256.states(after: [SHA256Run(from: blockState, whole)])[0]) }
    }

    public mutating func update(_ part: [UInt8]) { part.withUnsafeBytes { update($0) } }

    /// Appends `parts[i]` to `streams[i]`, several at the same time: nearly twice as fast as one after the other. Parts
    /// may be empty and of different lengths.
    public static func update(_ streams: inout [SHA256Stream], with parts: [UnsafeRawBufferPointer]) {
        var owners: [Int] = []
        var runs: [SHA256Run] = []
        for (index, part) in parts.enumerated() where streams.indices.contains(index) {
            let whole = streams[index].takeLooseEnds(of: part)
            guard !whole.isEmpty else { continue }
            owners.append(index)
            runs.append(SHA256Run(from: streams[index].blockState, whole))
        }
        for (owner, state) in zip(owners, SHA256.states(after: runs)) { streams[owner].advance(state) }
    }

    private mutating func advance(_ state: SHA256State?) {
        if let state { blockState = state }
    }

    /// Completes the block that was begun, and keeps the bytes of `part` that do not fill one. Returns the whole blocks
    /// between, which the caller still has to hash.
    private mutating func takeLooseEnds(of part: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var part = part
        byteCount += Int64(part.count)
        if !rest.isEmpty {
            let taken = min(Lanes.blockSize - rest.count, part.count)
            rest.append(contentsOf: part[..<taken])
            part = UnsafeRawBufferPointer(rebasing: part[taken...])
            guard rest.count == Lanes.blockSize else { return part }
            advance(rest.withUnsafeBytes { SHA256.states(after: [SHA256Run(from: blockState, $0)])[0] })
            rest.removeAll(keepingCapacity: true)
        }
        let whole = part.count / Lanes.blockSize * Lanes.blockSize
        rest.append(contentsOf: part[whole...])
        return UnsafeRawBufferPointer(rebasing: part[..<whole])
    }
}

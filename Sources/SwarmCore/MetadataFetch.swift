#if canImport(PeerWire)
import PeerWire
#endif

/// Gathers the info dictionary of a magnet link from peers, 16 KiB at a time (BEP 9). What has come together is believed
/// only once its hash is right; a peer that alone sent a wrong one is named.
public struct MetadataFetch<Peer: Hashable & Sendable>: Sendable {
    /// Bytes of an info dictionary that are taken at most.
    public static var largestSize: Int { 64 << 20 }
    private static var chunkLength: Int { 16 * 1024 }
    private static var requestsPerPeer: Int { 8 }
    /// Seconds until a chunk is asked of another.
    private static var patience: Double { 10 }

    public enum Step: Equatable, Sendable {
        case request(Peer, chunk: Int)
        /// All bytes are here: hash them and call ``judged(isRight:)``.
        case complete([UInt8])
    }

    private struct Asked: Sendable {
        var peer: Peer
        var at: Double
    }

    private var sizes: [Peer: Int] = [:]
    private var refusedAt: [Peer: Double] = [:]
    private var size: Int?
    private var bytes: [UInt8] = []
    private var asked: [Asked?] = []
    private var senders: [Peer?] = []
    private var received = 0
    /// After a failure with several senders, one peer at a time.
    private var soleSource: Peer?
    private var isExclusive = false
    private var isComplete = false

    public init() {}

    /// A peer told `metadata_size`; sizes out of range are ignored.
    public mutating func offered(by peer: Peer, size: Int) {
        guard size > 0, size <= Self.largestSize else { return }
        sizes[peer] = size
    }

    public mutating func removePeer(_ peer: Peer) {
        sizes[peer] = nil
        refusedAt[peer] = nil
        for index in asked.indices where asked[index]?.peer == peer { asked[index] = nil }
        if soleSource == peer { restart() }
    }

    public mutating func rejected(by peer: Peer, chunk: Int, now: Double) {
        guard asked.indices.contains(chunk), asked[chunk]?.peer == peer else { return }
        asked[chunk] = nil
        refusedAt[peer] = now
    }

    /// - Returns: `.complete` with the last chunk. Chunks that nobody was asked for, or of another length, are dropped.
    public mutating func received(chunk: Int, data: some Collection<UInt8>, from peer: Peer) -> Step? {
        guard let size, !isComplete, asked.indices.contains(chunk), asked[chunk]?.peer == peer, senders[chunk] == nil else {
            return nil
        }
        let begin = chunk * Self.chunkLength
        guard data.count == min(Self.chunkLength, size - begin) else {
            asked[chunk] = nil
            sizes[peer] = nil
            return nil
        }
        bytes.replaceSubrange(begin..<begin + data.count, with: data)
        senders[chunk] = peer
        asked[chunk] = nil
        received += 1
        guard received == senders.count else { return nil }
        isComplete = true
        return .complete(bytes)
    }

    /// - Returns: the liar, when the whole came from one peer.
    public mutating func judged(isRight: Bool) -> Peer? {
        if isRight { return nil }
        let known = Set(senders.compactMap { $0 })
        if known.count == 1, let liar = known.first {
            sizes[liar] = nil
            restart()
            return liar
        }
        restart()
        isExclusive = true
        return nil
    }

    /// What to ask for now.
    public mutating func next(now: Double) -> [Step] {
        guard !isComplete else { return [] }
        if size == nil || !sizes.values.contains(size ?? 0) { begin() }
        guard let size else { return [] }
        for index in asked.indices {
            if let one = asked[index], now - one.at > Self.patience {
                asked[index] = nil
                refusedAt[one.peer] = now
            }
        }
        var steps: [Step] = []
        let sources = sizes.filter { peer, theirs in
            theirs == size && (soleSource == nil || soleSource == peer) && now - (refusedAt[peer] ?? -1e9) > 5
        }
        for peer in sources.keys {
            var room = Self.requestsPerPeer - asked.count { $0?.peer == peer }
            for chunk in asked.indices where room > 0 && asked[chunk] == nil && senders[chunk] == nil {
                asked[chunk] = Asked(peer: peer, at: now)
                steps.append(.request(peer, chunk: chunk))
                room -= 1
            }
        }
        return steps
    }

    private mutating func begin() {
        restart()
        // The size that most peers name.
        let votes = Dictionary(grouping: sizes.values) { $0 }
        guard let best = votes.max(by: { $0.value.count < $1.value.count })?.key else { return }
        size = best
        if isExclusive { soleSource = sizes.first { $0.value == best }?.key }
        bytes = Array(repeating: 0, count: best)
        let chunks = (best + Self.chunkLength - 1) / Self.chunkLength
        asked = Array(repeating: nil, count: chunks)
        senders = Array(repeating: nil, count: chunks)
    }

    private mutating func restart() {
        size = nil
        bytes = []
        asked = []
        senders = []
        received = 0
        soleSource = nil
        isComplete = false
    }
}

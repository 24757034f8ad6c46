#if canImport(PeerWire)
import PeerWire
#endif

/// Gathers the info dictionary of a magnet link from peers, 16 KiB at a time (BEP 9). What has come together is
/// believed only once its hash is right; a peer that alone sent a wrong one is named.
public struct MetadataFetch<Peer: Hashable & Sendable>: Sendable {
    /// Bytes of an info dictionary that are taken at most.
    public static var largestSize: Int { 64 << 20 }
    private static var chunkLength: Int { 16 * 1024 }
    private static var requestsPerPeer: Int { 8 }
    /// Seconds until a chunk is asked of another.
    private static var patience: Double { 10 }
    /// Seconds that a peer is left alone after it did not answer.
    private static var rest: Double { 5 }
    /// Seconds for the whole while other peers offer another version.
    private static var time: Double { 30 }
    private static var timePerChunk: Double { 0.05 }

    public enum Step: Equatable, Sendable {
        case request(Peer, chunk: Int)
        /// All bytes are here: hash them and call ``judged(isRight:)``.
        case complete([UInt8])
    }

    private struct Asked: Sendable {
        var peer: Peer
        var at: Double
    }

    /// The gathering of one version, of the size that some peers name.
    private struct Attempt: Sendable {
        let size: Int
        /// After a failure with several senders, one peer at a time.
        let soleSource: Peer?
        /// Those who name another size are asked when it takes longer.
        let deadline: Double
        var asked: [Asked?]
        var chunks: [[UInt8]?]
        var senders: [Peer?]
        var received = 0

        func mayAsk(_ peer: Peer, naming theirs: Int) -> Bool {
            theirs == size && (soleSource == nil || soleSource == peer)
        }
    }

    private var sizes: [Peer: Int] = [:]
    private var refusedAt: [Peer: Double] = [:]
    /// Requests in a row that a peer did not answer.
    private var strikes: [Peer: Int] = [:]
    private var attempt: Attempt?
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
        strikes[peer] = nil
        guard let attempt else { return }
        for index in attempt.asked.indices where attempt.asked[index]?.peer == peer { self.attempt?.asked[index] = nil }
        if attempt.soleSource == peer, !isComplete { self.attempt = nil }
    }

    public mutating func rejected(by peer: Peer, chunk: Int, now: Double) {
        guard let attempt, attempt.asked.indices.contains(chunk), attempt.asked[chunk]?.peer == peer else { return }
        refused(chunk, by: peer, now: now)
    }

    private mutating func refused(_ chunk: Int, by peer: Peer, now: Double) {
        attempt?.asked[chunk] = nil
        refusedAt[peer] = now
        strikes[peer, default: 0] += 1
    }

    /// - Returns: `.complete` with the last chunk. Chunks that nobody was asked for, or of another length, are dropped.
    public mutating func received(chunk: Int, data: some Collection<UInt8>, from peer: Peer) -> Step? {
        guard var attempt, !isComplete, attempt.asked.indices.contains(chunk), attempt.asked[chunk]?.peer == peer,
            attempt.senders[chunk] == nil
        else { return nil }
        self.attempt = nil
        defer { self.attempt = attempt }
        attempt.asked[chunk] = nil
        guard data.count == min(Self.chunkLength, attempt.size - chunk * Self.chunkLength) else {
            sizes[peer] = nil
            return nil
        }
        attempt.chunks[chunk] = Array(data)
        attempt.senders[chunk] = peer
        attempt.received += 1
        strikes[peer] = nil
        guard attempt.received == attempt.senders.count else { return nil }
        isComplete = true
        return .complete(attempt.chunks.flatMap { $0 ?? [] })
    }

    /// - Returns: the liar, when the whole came from one peer.
    public mutating func judged(isRight: Bool) -> Peer? {
        if isRight { return nil }
        let known = Set(attempt?.senders.compactMap { $0 } ?? [])
        attempt = nil
        isComplete = false
        guard known.count == 1, let liar = known.first else {
            isExclusive = true
            return nil
        }
        sizes[liar] = nil
        return liar
    }

    /// What to ask for now.
    public mutating func next(now: Double) -> [Step] {
        guard !isComplete else { return [] }
        expire(now)
        let willing = sizes.filter { now - (refusedAt[$0.key] ?? -.infinity) > Self.rest }
        if let attempt, isStuck(attempt, willing, now) {
            self.attempt = nil
            for (peer, theirs) in sizes where attempt.mayAsk(peer, naming: theirs) { strikes[peer, default: 0] += 1 }
        }
        if attempt == nil { begin(willing, now) }
        guard let attempt else { return [] }
        var steps: [Step] = []
        for (peer, theirs) in willing where attempt.mayAsk(peer, naming: theirs) {
            var room = Self.requestsPerPeer - (self.attempt?.asked.count { $0?.peer == peer } ?? 0)
            for chunk in attempt.asked.indices
            where room > 0 && self.attempt?.asked[chunk] == nil && attempt.senders[chunk] == nil {
                self.attempt?.asked[chunk] = Asked(peer: peer, at: now)
                steps.append(.request(peer, chunk: chunk))
                room -= 1
            }
        }
        return steps
    }

    private mutating func expire(_ now: Double) {
        for (index, asked) in (attempt?.asked ?? []).enumerated() {
            if let asked, now - asked.at > Self.patience { refused(index, by: asked.peer, now: now) }
        }
    }

    /// Nobody gives what is missing, or not in time, and somebody else offers another version: one of them is lying.
    private func isStuck(_ attempt: Attempt, _ willing: [Peer: Int], _ now: Double) -> Bool {
        let hasRival = willing.contains { !attempt.mayAsk($0.key, naming: $0.value) }
        guard hasRival else { return false }
        if now > attempt.deadline { return true }
        let goesOn =
            attempt.asked.contains { $0 != nil } || willing.contains { attempt.mayAsk($0.key, naming: $0.value) }
        return !goesOn
    }

    /// With the size of the peer that has let us down least, then the one that most name.
    private mutating func begin(_ willing: [Peer: Int], _ now: Double) {
        let groups = Dictionary(grouping: willing.keys) { willing[$0] ?? 0 }
        let ranked = groups.map { size, peers in
            let best = peers.min { strikes[$0, default: 0] < strikes[$1, default: 0] }
            return (size: size, best: best, strikes: best.map { strikes[$0, default: 0] } ?? 0, votes: peers.count)
        }
        guard let choice = ranked.min(by: { ($0.strikes, -$0.votes, $0.size) < ($1.strikes, -$1.votes, $1.size) })
        else { return }
        let count = (choice.size + Self.chunkLength - 1) / Self.chunkLength
        attempt = Attempt(
            size: choice.size, soleSource: isExclusive ? choice.best : nil,
            deadline: now + Self.time + Self.timePerChunk * Double(count), asked: Array(repeating: nil, count: count),
            chunks: Array(repeating: nil, count: count), senders: Array(repeating: nil, count: count))
    }
}

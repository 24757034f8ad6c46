import PeerWire

/// Downloads the info dictionary of a magnet link from peers, 16 KiB at a time (BEP 9). The result is used only if its
/// hash is right. If one peer alone sent a wrong one, that peer is returned.
public struct MetadataFetch<Peer: Hashable & Sendable>: Sendable {
    /// Maximum size of an info dictionary, in bytes.
    public static var largestSize: Int { 64 << 20 }
    private static var chunkLength: Int { 16 * 1024 }
    private static var requestsPerPeer: Int { 8 }
    /// Seconds until a chunk is requested from another peer.
    private static var patience: Double { 10 }
    /// Backoff, in seconds, for a peer that did not answer.
    private static var rest: Double { 5 }
    /// Seconds for one attempt while other peers offer another size.
    private static var time: Double { 30 }
    private static var timePerChunk: Double { 0.05 }

    public enum Step: Equatable, Sendable {
        case request(Peer, chunk: Int)
        /// All chunks have arrived, in order: hash them and call ``judged(isRight:)``.
        case complete([[UInt8]])
    }

    /// The download of one version, of the size that some peers advertise.
    private struct Attempt: Sendable {
        let size: Int
        /// The only peer used, after a failure with several senders.
        let soleSource: Peer?
        /// Time after which peers that advertise another size are tried.
        let deadline: Double
        var parts: PartRequests<Peer>
        var chunks: [[UInt8]]
        var senders: Set<Peer> = []

        func mayAsk(_ peer: Peer, naming theirs: Int) -> Bool {
            theirs == size && (soleSource == nil || soleSource == peer)
        }
    }

    private var sizes: [Peer: Int] = [:]
    private var refusedAt: [Peer: Double] = [:]
    /// Consecutive requests that a peer did not answer.
    private var strikes: [Peer: Int] = [:]
    private var attempt: Attempt?
    private var isExclusive = false
    private var isComplete = false
    /// Number of requested chunks that arrived, including those of wrong versions.
    public private(set) var chunksTaken = 0

    public init() {}

    /// Call when a peer advertised `metadata_size`. Sizes out of range are ignored.
    public mutating func offered(by peer: Peer, size: Int) {
        guard size > 0, size <= Self.largestSize else { return }
        sizes[peer] = size
    }

    public mutating func removePeer(_ peer: Peer) {
        sizes[peer] = nil
        refusedAt[peer] = nil
        strikes[peer] = nil
        attempt?.parts.removePeer(peer)
        if attempt?.soleSource == peer, !isComplete { attempt = nil }
    }

    public mutating func rejected(by peer: Peer, chunk: Int, now: Double) {
        guard attempt?.parts.isAsked(chunk, of: peer) == true else { return }
        attempt?.parts.giveBack(chunk)
        refused(by: peer, now: now)
    }

    private mutating func refused(by peer: Peer, now: Double) {
        refusedAt[peer] = now
        strikes[peer, default: 0] += 1
    }

    /// - Returns: `.complete` with the last chunk. Chunks that were not requested, or of the wrong length, are dropped.
    public mutating func received(chunk: Int, data: some Collection<UInt8>, from peer: Peer) -> Step? {
        // Moved out of `self`, so that its arrays are changed in place.
        guard !isComplete, var attempt = attempt.take() else { return nil }
        defer { self.attempt = attempt }
        guard attempt.parts.isAsked(chunk, of: peer) else { return nil }
        guard data.count == min(Self.chunkLength, attempt.size - chunk * Self.chunkLength) else {
            attempt.parts.giveBack(chunk)
            sizes[peer] = nil
            return nil
        }
        attempt.parts.arrived(chunk)
        attempt.chunks[chunk] = Array(data)
        attempt.senders.insert(peer)
        chunksTaken += 1
        strikes[peer] = nil
        guard attempt.parts.isComplete else { return nil }
        isComplete = true
        return .complete(attempt.chunks)
    }

    /// - Returns: the peer that sent wrong data, if one peer sent all of it.
    public mutating func judged(isRight: Bool) -> Peer? {
        if isRight { return nil }
        let known = attempt?.senders ?? []
        attempt = nil
        isComplete = false
        guard known.count == 1, let liar = known.first else {
            isExclusive = true
            return nil
        }
        sizes[liar] = nil
        return liar
    }

    /// The requests to send now.
    public mutating func next(now: Double) -> [Step] {
        guard !isComplete else { return [] }
        for peer in attempt?.parts.expire(Self.patience, now: now) ?? [] { refused(by: peer, now: now) }
        let willing = sizes.filter { now - (refusedAt[$0.key] ?? -.infinity) > Self.rest }
        giveUpIfStuck(willing, now)
        if attempt == nil { begin(willing, now) }
        guard var attempt = attempt.take() else { return [] }
        defer { self.attempt = attempt }
        var steps: [Step] = []
        for (peer, theirs) in willing where attempt.mayAsk(peer, naming: theirs) {
            var room = Self.requestsPerPeer - attempt.parts.parts(of: peer).count
            while room > 0, let chunk = attempt.parts.takePart(for: peer, now: now) {
                steps.append(.request(peer, chunk: chunk))
                room -= 1
            }
        }
        return steps
    }

    private mutating func giveUpIfStuck(_ willing: [Peer: Int], _ now: Double) {
        guard let attempt, isStuck(attempt, willing, now) else { return }
        self.attempt = nil
        for (peer, theirs) in sizes where attempt.mayAsk(peer, naming: theirs) { strikes[peer, default: 0] += 1 }
    }

    /// Whether no peer provides the missing chunks (in time) while another peer offers another version: one of them is
    /// wrong.
    private func isStuck(_ attempt: Attempt, _ willing: [Peer: Int], _ now: Double) -> Bool {
        let hasRival = willing.contains { !attempt.mayAsk($0.key, naming: $0.value) }
        guard hasRival else { return false }
        if now > attempt.deadline { return true }
        let goesOn =
            attempt.parts.isAsking || willing.contains { attempt.mayAsk($0.key, naming: $0.value) }
        return !goesOn
    }

    /// Begins with the size advertised by the peer with the fewest failures; of several, the size that most peers
    /// advertise.
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
            deadline: now + Self.time + Self.timePerChunk * Double(count), parts: PartRequests(count: count),
            chunks: Array(repeating: [], count: count))
    }
}

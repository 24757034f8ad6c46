import PeerWire

/// A peer whose blocks come over several connections: out of order, and if one of them breaks, some never.
struct FurtherLinesState: Sendable {
    /// Seconds after the loss of a connection in which what came over others is still on its way.
    static let grace = 3.0
    /// Seconds by which a request is overtaken by others that were sent later, until it counts as lost.
    static let overtaken = 6.0
    /// Seconds without any answer, until what was asked so long ago counts as lost: where a connection has broken, the
    /// other side may have gone on putting blocks into it, and at the end nothing is left that could overtake them.
    static let silence = 4.0

    struct Loss: Sendable {
        let at: Double
        /// When what was asked before it and has not come is asked again.
        let dueAt: Double
    }

    /// Its connections, the first included.
    var lines = 1
    var losses: [Loss] = []
    /// When the newest request that was answered was sent.
    var newestAnswered = -Double.infinity
}

extension SwarmMachine {
    /// Blocks are on their way from this peer.
    public func isGiving(_ key: PeerKey) -> Bool {
        peers[key].map { !$0.outstanding.isEmpty && !$0.isSnubbed } ?? false
    }

    /// The peer was asked for blocks that have not come.
    public func owesBlocks(_ key: PeerKey) -> Bool {
        peers.place(of: key).map { peers[$0].outstandingBytes > 0 } ?? false
    }

    /// Wanted bytes that are not there, to a piece.
    public var missingBytes: Int64 { Int64(missingCount) * Int64(layout.pieceLength) }

    /// Blocks of the peer come over so many connections from now on, the first included.
    public mutating func setLines(_ count: Int, of key: PeerKey) {
        guard peers[key] != nil else { return }
        if peers[key]?.further == nil { peers[key]?.further = FurtherLinesState() }
        peers[key]?.further?.lines = max(1, count)
    }

    /// - Parameter roundTrip: seconds of a long line, the least seen; 0 for a line that is not long.
    public mutating func setLongRoundTrip(_ roundTrip: Double, of key: PeerKey) {
        guard peers[key] != nil else { return }
        peers[key]?.traits.longRoundTrip = roundTrip
        if roundTrip > 0 { mostOpenBytes = configuration.openBytes + configuration.openBytesOnLongLine }
        peers[key]?.window.expect(roundTrip: roundTrip)
    }

    /// A further connection of the peer is gone, and with it some answers to requests.
    /// - Parameter receiving: the block that was coming over it.
    public mutating func lineLost(_ key: PeerKey, receiving: BlockSpan?, now: Double) {
        guard let peer = peers[key], peer.further != nil else { return }
        if let receiving, let request = peer.outstanding.first(where: { $0.span == receiving }) {
            drop(request, of: key)
            refillAll(now: now)
        }
        // Losses that come together are one.
        if let last = peer.further?.losses.last, now - last.at < 0.5 { peers[key]?.further?.losses.removeLast() }
        peers[key]?.further?.losses.append(FurtherLinesState.Loss(at: now, dueAt: now + FurtherLinesState.grace))
        if let count = peers[key]?.further?.losses.count, count > 16 { peers[key]?.further?.losses.removeFirst() }
    }

    /// Requests that no answer will come to any more are asked again, of whoever has the pieces.
    mutating func dropLostRequests(of key: PeerKey, now: Double) {
        guard let place = peers.place(of: key), let further = peers[place].further, let peer = peers[key]
        else { return }
        let due = further.losses.last { $0.dueAt <= now }?.at ?? -.infinity
        if due > -.infinity { peers[key]?.further?.losses.removeAll { $0.dueAt <= now } }
        let overtaken = further.newestAnswered - FurtherLinesState.overtaken
        let isSilent = now - peer.lastProgressAt > FurtherLinesState.silence
        let limit = max(due, overtaken, isSilent ? now - FurtherLinesState.silence : -.infinity)
        guard limit > -.infinity else { return }
        let lost = peer.outstanding.filter { request in
            request.sentAt <= limit && open[request.span.piece]?.isReceiving(request.span, from: key) != true
        }
        for request in lost {
            send(key, .cancel(request.span.wire))
            drop(request, of: key)
        }
        if !lost.isEmpty { refillAll(now: now) }
    }

    private mutating func drop(_ request: OutstandingRequest, of key: PeerKey) {
        guard let index = peers[key]?.outstanding.firstIndex(where: { $0.span == request.span }) else { return }
        peers[key]?.outstanding.remove(at: index)
        peers[key]?.outstandingBytes -= request.span.length
        forget(request, of: key)
        // Should it come after all, it is no fault.
        remember(request.span, of: key)
    }
}

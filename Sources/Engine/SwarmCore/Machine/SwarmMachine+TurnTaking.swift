import Metainfo
import PeerWire

/// Turns as those take them who want something, see ``TurnsOfLine``.
extension SwarmMachine {
    private enum Constant {
        /// Pieces on their way to us with which we pass, and seconds after which one no longer counts: its source is
        /// slow, and others are to fill our line.
        static let enough = 7
        static let young = 1.5
        /// Seconds of our line's rate that may be on their way in any case.
        static let enoughTime = 0.25
    }

    /// From now on the peer is asked when it is our turn, or again whenever we like.
    mutating func receivedTurns(_ givesTurns: Bool, from key: PeerKey, now: Double) {
        guard let peer = peers.place(of: key), peers[peer].traits.takesTurns,
            peers[peer].turns.givesTurns != givesTurns || peers[peer].turns.areNamed
        else { return }
        peers[peer].turns.givesTurns = givesTurns
        peers[peer].turns.areNamed = false
        if givesTurns {
            peers[peer].suggested = []
            peers[peer].isDispatching = false
        }
        updateHolder(key)
        if !givesTurns, looks.spend(openOrder.count) { refill(key, now: now) }
    }

    /// The line of a peer is free for a piece: one that it names, or the rarest that it has.
    mutating func receivedTurn(_ raw: UInt32?, from key: PeerKey, now: Double) {
        guard let peer = peers.place(of: key) else { return }
        if let raw, layout.piece(Int(raw)) == nil { return violation(key, "turn of a piece out of range") }
        if peers[peer].turns.areNamed != (raw != nil) {
            peers[peer].turns.areNamed = raw != nil
            updateHolder(key)
        }
        if !isFinished, asksPeers, looks.spend(openOrder.count) { takeTurn(raw.map(Int.init), of: peer, now: now) }
        send(key, .extended(.turnOver))
    }

    private mutating func takeTurn(_ named: Int?, of peer: PeerTable.Place, now: Double) {
        guard !peers[peer].isChokingUs, now >= peers[peer].askAgainAt else { return }
        // What a seed names nobody else has.
        if named == nil, hasEnoughComing(peer, now: now) { return }
        let unit = configuration.blockLength
        let most = max(1, peers[peer].traits.requestQueue)
        let limit = max(1, peers[peer].traits.longestRequest / unit)
        let run = max(
            min(limit, layout.pieceLength / (unit * most) + 1),
            peers[peer].window.runLength(limit: limit, lines: 1, requests: most, now: now))
        guard peers[peer].outstanding.count < most, let first = firstOfTurn(named, of: peer, run: run, now: now) else {
            return
        }
        let key = peers[peer].key
        ask(key, first, now: now)
        while peers[peer].outstanding.count < most, let next = takeFree(first.piece, for: peer, run: run) {
            ask(key, next, now: now)
        }
    }

    /// Our line is full for a while: another's may not be, and can hand on sooner what it gets now.
    private mutating func hasEnoughComing(_ peer: PeerTable.Place, now: Double) -> Bool {
        guard openOrder.count >= Constant.enough, !picker.isEmpty else { return false }
        var young = 0
        for piece in openOrder.reversed() {
            guard let place = open.place(of: piece), now - open[place].openedAt < Constant.young else { break }
            if !open[place].isVerifying { young += 1 }
        }
        let time = Constant.enoughTime + 2 * peers[peer].traits.longRoundTrip
        return young >= max(Constant.enough, Int(downloadMeter.rate(now) * time) / layout.pieceLength)
    }

    private mutating func firstOfTurn(_ named: Int?, of peer: PeerTable.Place, run: Int, now: Double) -> BlockSpan? {
        if let named {
            if let span = takeFree(named, for: peer, run: run) { return span }
            guard picker.pickable.contains(named), mayAsk(named, of: peer), hasRoom(for: named) else { return nil }
            return begin(named, for: peer, run: run, now: now)
        }
        if open.freeBlocks > 0 {
            for piece in openOrder {
                if let span = takeFree(piece, for: peer, run: run) { return span }
            }
        }
        if let piece = pickNew(for: peer), let span = begin(piece, for: peer, run: run, now: now) { return span }
        return duplicate(for: peer, now: now)
    }
}

import Metainfo
import PeerWire

/// What to ask of whom.
extension SwarmMachine {
    /// In a flood of what calls for it, the next tick does it.
    mutating func refillAll(now: Double) {
        guard looks.spend(peers.count) else { return }
        for key in peers.keys { refill(key, now: now) }
    }

    /// Keeps as much asked of the peer as its line takes.
    mutating func refill(_ key: PeerKey, now: Double) {
        // Most calls end here.
        guard !isFinished, let peer = peers.place(of: key), peers[peer].wantedCount > 0 else { return }
        if peers[peer].isChokingUs, peers[peer].allowedFast.isEmpty { return }
        if peers[peer].turns.givesTurns { return }
        guard peers[peer].outstandingBytes < peers[peer].window.target, now >= peers[peer].askAgainAt else { return }
        if !asksPeers && !peers[peer].traits.isWebSeed { return }
        let most = max(1, peers[peer].traits.requestQueue)
        let run = peers[peer].window.runLength(
            limit: peers[peer].traits.longestRequest / configuration.blockLength, lines: peers[peer].lineCount,
            requests: most, now: now)
        // With every buffer taken and every block asked for, only who is asked for nothing may be asked for one twice.
        if open.freeBlocks == 0, openBytes >= mostOpenBytes, !peers[peer].outstanding.isEmpty { return }
        while peers[peer].outstandingBytes < peers[peer].window.target, peers[peer].outstanding.count < most {
            guard let span = nextSpan(for: peer, run: run, now: now) else { break }
            ask(key, span, now: now)
        }
    }

    mutating func ask(_ key: PeerKey, _ span: BlockSpan, now: Double) {
        guard let peer = peers.place(of: key) else { return }
        if peers[peer].outstanding.isEmpty { peers[peer].lastProgressAt = now }
        peers[peer].outstanding.append(OutstandingRequest(span: span, sentAt: now))
        peers[peer].outstandingBytes += span.length
        peers[peer].lastPiece = span.piece
        if isFar(peer) { claim(span.piece, now: now) }
        if peers[peer].traits.isWebSeed {
            actions.append(.fetch(key, span))
        } else {
            send(key, .request(span.wire))
        }
    }

    private mutating func nextSpan(for peer: PeerTable.Place, run: Int, now: Double) -> BlockSpan? {
        if let last = peers[peer].lastPiece, let span = takeFree(last, for: peer, run: run) { return span }
        if !peers[peer].suggested.isEmpty {
            dropSpentSuggestions(of: peer)
            let suggested = peers[peer].suggested
            if !suggested.isEmpty { return nextSuggested(suggested, for: peer, run: run, now: now) }
        }
        // Its uplink is for what no leecher has yet: the rest is asked of those who have it already.
        if peers[peer].isDispatching && isSpreading {
            return takeBegun(of: peer, run: run) ?? beginSuspect(of: peer, run: run, now: now)
        }
        if open.freeBlocks > 0 {
            for piece in openOrder {
                if let span = takeFree(piece, for: peer, run: run) { return span }
            }
        }
        if let piece = pickNew(for: peer), let span = begin(piece, for: peer, run: run, now: now) { return span }
        return duplicate(for: peer, now: now)
    }

    /// The rest of a piece that was begun and that no leecher has: it was given to us, though the suggestion is spent.
    private mutating func takeBegun(of peer: PeerTable.Place, run: Int) -> BlockSpan? {
        guard open.freeBlocks > 0 else { return nil }
        for piece in openOrder where picker.availability[piece] == 0 {
            if let span = takeFree(piece, for: peer, run: run) { return span }
        }
        return nil
    }

    /// A piece that came wrong: it was given out, to us or another, and will not be given out again soon.
    private mutating func beginSuspect(of peer: PeerTable.Place, run: Int, now: Double) -> BlockSpan? {
        for piece in ledger.suspects where picker.pickable.contains(piece) && mayAsk(piece, of: peer) {
            return hasRoom(for: piece) ? begin(piece, for: peer, run: run, now: now) : nil
        }
        return nil
    }

    /// Some piece that we lack is with nobody but seeds that are still giving pieces out.
    private var isSpreading: Bool {
        guard picker.hasUnseen else { return false }
        return picker.fullPeers
            <= peers.keys.count { peers[$0]?.countsAsFull == true && peers[$0]?.isDispatching == true }
    }

    func mayAsk(_ piece: Int, of peer: PeerTable.Place) -> Bool {
        peers[peer].holdings.contains(piece) && (!peers[peer].isChokingUs || peers[peer].allowedFast.contains(piece))
            && !isBarred(piece, for: peer)
    }

    mutating func takeFree(_ piece: Int, for peer: PeerTable.Place, run: Int) -> BlockSpan? {
        guard let place = open.place(of: piece), open[place].freeCount > 0, mayAsk(piece, of: peer) else { return nil }
        guard open[place].exclusiveOwner == nil || open[place].exclusiveOwner == peers[peer].key else { return nil }
        return open[place].takeFree(limit: run)
    }

    private mutating func dropSpentSuggestions(of peer: PeerTable.Place) {
        let alive = peers[peer].suggested.filter {
            isMissing($0) && open[$0]?.isVerifying != true && !isBarred($0, for: peer)
        }
        if alive.count != peers[peer].suggested.count { peers[peer].suggested = alive }
    }

    /// While a seed has pieces in hand for us, nothing else is taken from it: its uplink is for what nobody has.
    private mutating func nextSuggested(
        _ suggested: [Int], for peer: PeerTable.Place, run: Int, now: Double
    ) -> BlockSpan? {
        for piece in suggested {
            if let span = takeFree(piece, for: peer, run: run) { return span }
        }
        for piece in suggested where picker.pickable.contains(piece) && mayAsk(piece, of: peer) {
            return hasRoom(for: piece) ? begin(piece, for: peer, run: run, now: now) : duplicate(for: peer, now: now)
        }
        return nil
    }

    mutating func pickNew(for peer: PeerTable.Place) -> Int? {
        guard !picker.isEmpty, openBytes == 0 || openBytes + layout.pieceLength <= mostOpenBytes else { return nil }
        if peers[peer].isChokingUs {
            return peers[peer].allowedFast.first { picker.pickable.contains($0) && mayAsk($0, of: peer) }
        }
        if sites.isDivided { return pickBySite(for: peer) }
        return picker.pick(from: peers[peer].holdings, neighbour: peers[peer].lastPiece.map { $0 + 1 })
    }

    func hasRoom(for piece: Int) -> Bool {
        openBytes == 0 || openBytes + layout.length(of: PieceIndex(unchecked: piece)) <= mostOpenBytes
    }

    mutating func begin(_ piece: Int, for peer: PeerTable.Place, run: Int, now: Double) -> BlockSpan? {
        if ledger.isSuspect(piece), peers[peer].isSnubbed, hasBetterSource(piece) { return nil }
        picker.remove(piece)
        let index = PieceIndex(unchecked: piece)
        let length = layout.length(of: index)
        let layout = layout
        var state = OpenPiece(piece: piece, length: length, blockLength: configuration.blockLength, openedAt: now) {
            layout.isPadding(index, $0)
        }
        if ledger.isSuspect(piece) { state.exclusiveOwner = peers[peer].key }
        open[piece] = state
        openOrder.append(piece)
        openBytes += length
        actions.append(.open(index))
        if state.isComplete { verify(piece) }
        return takeFree(piece, for: peer, run: run)
    }

    /// Somebody who answers has the piece too.
    private func hasBetterSource(_ piece: Int) -> Bool {
        peers.keys.contains { key in
            guard let peer = peers.place(of: key) else { return false }
            return !peers[peer].isSnubbed && mayAsk(piece, of: peer)
        }
    }

    /// The end game: nothing is left to begin (or no buffer is), so blocks that others owe us are asked for again.
    mutating func duplicate(for peer: PeerTable.Place, now: Double) -> BlockSpan? {
        guard peers[peer].outstanding.isEmpty, !peers[peer].isSnubbed else { return nil }
        for piece in openOrder where mayAsk(piece, of: peer) {
            guard let place = open.place(of: piece) else { continue }
            // Before the end only what holds a buffer for long is worth a byte that may come twice. Oldest come first.
            let patience = picker.isEmpty ? endGamePatience(now) : configuration.stalePiece
            guard now - open[place].openedAt >= patience else { return nil }
            // A byte that may come twice over the line of a site is worth none that comes late.
            if isFar(peer), !picker.isEmpty || now - open[place].openedAt <= configuration.stalePiece { continue }
            guard open[place].exclusiveOwner == nil || open[place].exclusiveOwner == peers[peer].key else { continue }
            let taken = open[place].takeDuplicate(limit: configuration.endGameDuplicates) { begin in
                peers[peer].outstanding.contains { $0.span.piece == piece && $0.span.begin == begin }
            }
            if let span = taken { return span }
        }
        return nil
    }

    /// Seconds for which a piece is waited for at the end before anybody else is asked for its blocks: twice what our
    /// line takes for all that is on its way, 2 at most. Sooner it would only bring the same bytes again, before those
    /// that are missing.
    private mutating func endGamePatience(_ now: Double) -> Double {
        let rate = downloadMeter.rate(now)
        return rate > 0 ? min(2, 2 * Double(openBytes) / rate) : 0
    }
}

extension BlockSpan {
    /// As a request names it on the wire.
    public var wire: BlockRequest {
        BlockRequest(
            index: UInt32(truncatingIfNeeded: piece), begin: UInt32(truncatingIfNeeded: begin),
            length: UInt32(truncatingIfNeeded: length))
    }
}

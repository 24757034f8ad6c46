import Metainfo
import PeerWire
import Text

/// Decides which block to request from a peer next. ``next(for:run:_:_:now:)`` is the single statement of that choice.
///
/// Invariant: every wanted piece that is not stored is either in `picker` (to begin) or in `open` (being downloaded or
/// verified), never in both. A block is requested once, except in the end game and after a long wait. A piece that
/// failed verification is requested from one peer alone, so that the next failure has one culprit.
///
/// The planner never requests a piece while all buffers are in use, and never trusts a byte before `judged` has
/// confirmed it.
package struct RequestPlanner: Sendable {
    /// Pieces to begin, by rarity.
    package var picker: PiecePicker
    /// Pieces that are being downloaded or verified, and the room for them.
    package var open: OpenPieces
    /// Pieces that failed verification, and their senders.
    package var ledger = BlameLedger()
    /// Missing pieces that somebody waits for, the first before all others. Few, mostly none.
    var urgent: [Int] = []
    /// Pieces that sources other than peers are to bring: no peer is asked for them. Nil for none.
    package internal(set) var reserved: PieceSet?

    /// - Parameter missing: wanted pieces that are not stored.
    init(missing: [Int], configuration: SwarmConfiguration, pieceCount: Int, using generator: inout SeededGenerator) {
        picker = PiecePicker(pieceCount: pieceCount)
        open = OpenPieces(pieceCount: pieceCount, mostBytes: configuration.openBytes)
        // In order from a random start: hosts begin at different pieces, and each disk is written forward.
        let isFirst = missing.isEmpty || configuration.beginsAtFirst
        let start = isFirst ? 0 : Int.random(in: 0..<missing.count, using: &generator)
        for piece in missing[start...] + missing[..<start] { picker.insert(piece) }
    }

    // MARK: Which block is next

    /// The next block to request from a peer that may be asked. Pieces that somebody waits for go before all of these:
    /// 1. the rest of the piece that the peer is sending;
    /// 2. a piece that it suggested, and nothing else while any suggestion is open;
    /// 3. from a seed that dispatches pieces, only what no leecher has;
    /// 4. the oldest open piece with free blocks;
    /// 5. a new piece: from a near peer, what the fewest near peers have; else the rarest;
    /// 6. at the end, or after a long wait, a block that was requested from another peer.
    /// - Parameter run: maximum number of blocks in one request.
    mutating func next(
        for peer: PeerTable.Place, run: Int, _ swarm: inout SwarmState, _ sites: inout SiteClaims, now: Double
    ) -> BlockSpan? {
        if !urgent.isEmpty, let span = nextUrgent(for: peer, run: run, &swarm, &sites, now: now) { return span }
        if let last = swarm.peers[peer].lastPiece, let span = takeFree(last, for: peer, run: run, &swarm, &sites) {
            return span
        }
        if !swarm.peers[peer].suggested.isEmpty {
            dropSpentSuggestions(of: peer, &swarm, &sites)
            let suggested = swarm.peers[peer].suggested
            if !suggested.isEmpty { return nextSuggested(suggested, for: peer, run: run, &swarm, &sites, now: now) }
        }
        // The seed's uplink is for pieces that no leecher has; other pieces are requested from the leechers that have
        // them.
        if swarm.peers[peer].isDispatching && isSpreading(&swarm) {
            return nextOfDispatched(of: peer, run: run, &swarm, &sites)
                ?? beginSuspect(of: peer, run: run, &swarm, &sites, now: now)
        }
        return nextOfAny(for: peer, run: run, &swarm, &sites, now: now)
    }

    /// The first block to request with an upload grant, see ``UploadGrants``.
    /// - Parameter named: the piece that the grant is for; nil for one of our choice.
    mutating func firstOfGrant(
        _ named: Int?, of peer: PeerTable.Place, run: Int, _ swarm: inout SwarmState, _ sites: inout SiteClaims,
        now: Double
    ) -> BlockSpan? {
        guard let named else {
            if !urgent.isEmpty, let span = nextUrgent(for: peer, run: run, &swarm, &sites, now: now) { return span }
            return nextOfAny(for: peer, run: run, &swarm, &sites, now: now)
        }
        if let span = takeFree(named, for: peer, run: run, &swarm, &sites) { return span }
        guard picker.pickable.contains(named), mayAsk(named, of: peer, &swarm, &sites), hasRoom(for: named, &swarm)
        else { return nil }
        return begin(named, for: peer, run: run, &swarm, &sites, now: now)
    }

    private mutating func nextUrgent(
        for peer: PeerTable.Place, run: Int, _ swarm: inout SwarmState, _ sites: inout SiteClaims, now: Double
    ) -> BlockSpan? {
        for piece in urgent {
            if let span = takeFree(piece, for: peer, run: run, &swarm, &sites) { return span }
            guard picker.pickable.contains(piece), mayAsk(piece, of: peer, &swarm, &sites),
                hasRoom(for: piece, &swarm)
            else { continue }
            if let span = begin(piece, for: peer, run: run, &swarm, &sites, now: now) { return span }
        }
        return nil
    }

    /// Steps 4 to 6 of ``next(for:run:_:_:now:)``.
    private mutating func nextOfAny(
        for peer: PeerTable.Place, run: Int, _ swarm: inout SwarmState, _ sites: inout SiteClaims, now: Double
    ) -> BlockSpan? {
        if open.freeBlocks > 0 {
            for piece in open.order {
                if let span = takeFree(piece, for: peer, run: run, &swarm, &sites) { return span }
            }
        }
        if let piece = pickNew(for: peer, &swarm, &sites),
            let span = begin(piece, for: peer, run: run, &swarm, &sites, now: now)
        {
            return span
        }
        return duplicate(for: peer, &swarm, &sites, now: now)
    }

    // MARK: Pieces that a peer may be asked for
    /// Whether the peer has the piece and would serve it, and no other host of our site has or downloads the piece.
    func mayAsk(_ piece: Int, of peer: PeerTable.Place, _ swarm: inout SwarmState, _ sites: inout SiteClaims) -> Bool {
        swarm.peers[peer].holdings.contains(piece) && !isReserved(piece, for: peer, &swarm)
            && (!swarm.peers[peer].isChokingUs || swarm.peers[peer].allowedFast.contains(piece))
            && !isBarred(piece, for: peer, &swarm, &sites)
    }

    /// Whether this peer must not be asked for the piece, because it is at our site or another host of the site
    /// downloads it. A piece that only this peer may send is exempt.
    private func isBarred(
        _ piece: Int, for peer: PeerTable.Place, _ swarm: inout SwarmState, _ sites: inout SiteClaims
    ) -> Bool {
        guard sites.isFar(peer, &swarm), sites.bars(piece) else { return false }
        guard let place = open.place(of: piece) else { return true }
        return open[place].exclusiveOwner != swarm.peers[peer].key
    }

    mutating func takeFree(
        _ piece: Int, for peer: PeerTable.Place, run: Int, _ swarm: inout SwarmState, _ sites: inout SiteClaims
    ) -> BlockSpan? {
        guard let place = open.place(of: piece), open[place].freeCount > 0, mayAsk(piece, of: peer, &swarm, &sites)
        else { return nil }
        guard open[place].exclusiveOwner == nil || open[place].exclusiveOwner == swarm.peers[peer].key else {
            return nil
        }
        return open[place].takeFree(limit: run)
    }

    private func hasRoom(for piece: Int, _ swarm: inout SwarmState) -> Bool {
        open.hasRoom(for: swarm.layout.length(of: PieceIndex(unchecked: piece)))
    }

    // MARK: Suggestions

    private mutating func dropSpentSuggestions(
        of peer: PeerTable.Place, _ swarm: inout SwarmState, _ sites: inout SiteClaims
    ) {
        let suggested = swarm.peers[peer].suggested
        let alive = suggested.filter {
            swarm.isMissing($0) && open[$0]?.isVerifying != true && !isBarred($0, for: peer, &swarm, &sites)
                && !isReserved($0, for: peer, &swarm)
        }
        if alive.count != suggested.count { swarm.peers[peer].suggested = alive }
    }

    /// While a seed suggests pieces to us, nothing else is requested from it: its uplink is for pieces that no other
    /// peer has.
    private mutating func nextSuggested(
        _ suggested: [Int], for peer: PeerTable.Place, run: Int, _ swarm: inout SwarmState,
        _ sites: inout SiteClaims, now: Double
    ) -> BlockSpan? {
        for piece in suggested {
            if let span = takeFree(piece, for: peer, run: run, &swarm, &sites) { return span }
        }
        for piece in suggested where picker.pickable.contains(piece) && mayAsk(piece, of: peer, &swarm, &sites) {
            return hasRoom(for: piece, &swarm)
                ? begin(piece, for: peer, run: run, &swarm, &sites, now: now)
                : duplicate(for: peer, &swarm, &sites, now: now)
        }
        return nil
    }

    /// Whether we are missing some piece that only seeds which still dispatch pieces have.
    private func isSpreading(_ swarm: inout SwarmState) -> Bool {
        // What is reserved may be unseen for long, and does not count.
        guard picker.hasUnseen, reserved == nil else { return false }
        return picker.fullPeers
            <= swarm.peers.keys.count {
                guard let peer = swarm.peers.place(of: $0), swarm.peers[peer].countsAsFull else { return false }
                // A seed that issues grants names the pieces that it dispatches.
                return swarm.peers[peer].isDispatching || swarm.peers[peer].grants.issuesGrants
            }
    }

    /// The rest of an open piece that no leecher has: it was dispatched to us, although the suggestion has been used.
    private mutating func nextOfDispatched(
        of peer: PeerTable.Place, run: Int, _ swarm: inout SwarmState, _ sites: inout SiteClaims
    ) -> BlockSpan? {
        guard open.freeBlocks > 0 else { return nil }
        for piece in open.order where picker.availability[piece] == 0 {
            if let span = takeFree(piece, for: peer, run: run, &swarm, &sites) { return span }
        }
        return nil
    }

    /// A piece that failed verification: it was dispatched, to us or another peer, and will not be dispatched again
    /// soon.
    private mutating func beginSuspect(
        of peer: PeerTable.Place, run: Int, _ swarm: inout SwarmState, _ sites: inout SiteClaims, now: Double
    ) -> BlockSpan? {
        for piece in ledger.suspects
        where picker.pickable.contains(piece) && mayAsk(piece, of: peer, &swarm, &sites) {
            return hasRoom(for: piece, &swarm)
                ? begin(piece, for: peer, run: run, &swarm, &sites, now: now) : nil
        }
        return nil
    }

    // MARK: New pieces

    private func pickNew(
        for peer: PeerTable.Place, _ swarm: inout SwarmState, _ sites: inout SiteClaims
    ) -> Int? {
        guard !picker.isEmpty, open.hasRoom(for: swarm.layout.pieceLength) else { return nil }
        if swarm.peers[peer].isChokingUs {
            let allowed = swarm.peers[peer].allowedFast
            return allowed.first {
                picker.pickable.contains($0) && mayAsk($0, of: peer, &swarm, &sites)
            }
        }
        if sites.isDivided { return pickBySite(for: peer, &swarm, &sites) }
        return picker.pick(
            from: offered(by: peer, &swarm), neighbour: swarm.peers[peer].lastPiece.map { $0 + 1 })
    }

    /// The next piece to begin while some peers are far: from a near peer the piece that the fewest near peers have;
    /// from a far peer the rarest piece that no near peer has or claims. At random among equals: if two near hosts
    /// begin the same piece at the same time, it comes to the site twice, or one of them has one piece less to pass on.
    private func pickBySite(
        for peer: PeerTable.Place, _ swarm: inout SwarmState, _ sites: inout SiteClaims
    ) -> Int? {
        let pieceCount = swarm.layout.pieceCount
        guard sites.isFar(peer, &swarm) else {
            if swarm.peers[peer].traits.isWebSeed {
                return picker.pick(from: swarm.peers[peer].holdings, neighbour: nil)
            }
            let from = Int.random(in: 0..<pieceCount, using: &swarm.generator)
            return picker.least(of: offered(by: peer, &swarm), from: from) { sites.copies(of: $0) }
        }
        // Half of the buffers are reserved for pieces from near peers, however slow the far ones are.
        guard sites.ownCount == 0 || 2 * (sites.ownCount + 1) * swarm.layout.pieceLength <= open.mostBytes else {
            return nil
        }
        let from = Int.random(in: 0..<pieceCount, using: &swarm.generator)
        return picker.least(of: sites.open(of: offered(by: peer, &swarm)), from: from) { picker.copies(of: $0) }
    }

    private mutating func begin(
        _ piece: Int, for peer: PeerTable.Place, run: Int, _ swarm: inout SwarmState, _ sites: inout SiteClaims,
        now: Double
    ) -> BlockSpan? {
        if ledger.isSuspect(piece), swarm.peers[peer].isSnubbed, hasBetterSource(piece, &swarm, &sites) { return nil }
        picker.remove(piece)
        let index = PieceIndex(unchecked: piece)
        let layout = swarm.layout
        var state = OpenPiece(
            piece: piece, length: layout.length(of: index), blockLength: swarm.configuration.blockLength, openedAt: now
        ) { layout.isPadding(index, $0) }
        if ledger.isSuspect(piece) { state.exclusiveOwner = swarm.peers[peer].key }
        open.begin(state)
        swarm.actions.append(.open(index))
        if state.isComplete { verify(piece, &swarm) }
        return takeFree(piece, for: peer, run: run, &swarm, &sites)
    }

    /// Whether a peer that is not snubbed could send the piece too.
    private func hasBetterSource(_ piece: Int, _ swarm: inout SwarmState, _ sites: inout SiteClaims) -> Bool {
        for key in swarm.peers.keys {
            guard let peer = swarm.peers.place(of: key) else { continue }
            if !swarm.peers[peer].isSnubbed && mayAsk(piece, of: peer, &swarm, &sites) { return true }
        }
        return false
    }

    // MARK: The end game

    /// Nothing is left to begin (or no buffer is free), so blocks requested from other peers are requested again.
    private mutating func duplicate(
        for peer: PeerTable.Place, _ swarm: inout SwarmState, _ sites: inout SiteClaims, now: Double
    ) -> BlockSpan? {
        guard swarm.peers[peer].outstanding.isEmpty, !swarm.peers[peer].isSnubbed else { return nil }
        let stale = swarm.configuration.stalePiece
        for piece in open.order where mayAsk(piece, of: peer, &swarm, &sites) {
            guard let place = open.place(of: piece) else { continue }
            // Before the end, only a piece that has been open for long justifies a block that may arrive twice. Oldest
            // pieces come first.
            let patience = picker.isEmpty ? open.patience(downloadRate: swarm.traffic.download.rate(now)) : stale
            guard now - open[place].openedAt >= patience else { return nil }
            // Over the site's uplink, no block that may arrive twice is worth it, unless the piece has been open for
            // long.
            if sites.isFar(peer, &swarm), !picker.isEmpty || now - open[place].openedAt <= stale { continue }
            guard open[place].exclusiveOwner == nil || open[place].exclusiveOwner == swarm.peers[peer].key else {
                continue
            }
            let taken = open[place].takeDuplicate(limit: swarm.configuration.endGameDuplicates) { begin in
                swarm.peers[peer].outstanding.contains { $0.span.piece == piece && $0.span.begin == begin }
            }
            if let span = taken { return span }
        }
        return nil
    }
}

#if canImport(Metainfo)
import Metainfo
#endif
#if canImport(PeerWire)
import PeerWire
#endif

/// What to ask of whom, and what becomes of the answers.
extension SwarmMachine {
    // MARK: Asking

    mutating func refillAll(now: Double) {
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
        if peers[peer].isDispatching && isSpreading { return takeBegun(of: peer, run: run) }
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

    /// Some piece that we lack is with nobody but seeds that are still giving pieces out.
    private var isSpreading: Bool {
        guard picker.hasUnseen else { return false }
        return picker.fullPeers <= peers.keys.count { peers[$0]?.countsAsFull == true && peers[$0]?.isDispatching == true }
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
        var state = OpenPiece(piece: piece, length: length, blockLength: configuration.blockLength, openedAt: now) { layout.isPadding(index, $0) }
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

    /// Seconds for which a piece is waited for at the end before anybody else is asked for its blocks: twice what our line
    /// takes for all that is on its way, 2 at most. Sooner it would only bring the same bytes again, before those that are
    /// missing.
    private mutating func endGamePatience(_ now: Double) -> Double {
        let rate = downloadMeter.rate(now)
        return rate > 0 ? min(2, 2 * Double(openBytes) / rate) : 0
    }

    // MARK: Answers

    /// Where the bytes of a block that a peer begins to send go.
    public enum Placement: Sendable, Equatable {
        /// Straight into the piece's buffer.
        case buffer
        /// Into a buffer of their own: another peer is sending the same block. To be copied when the block is accepted.
        case aside
        /// Nowhere: read and dropped.
        case discard
        /// It was never asked for.
        case violation
    }

    /// The header of a `piece` message has come.
    public mutating func beginBlock(_ span: BlockSpan, from key: PeerKey) -> Placement {
        guard let peer = peers.place(of: key) else { return .discard }
        guard let request = peers[peer].outstanding.first(where: { $0.span == span }) else {
            guard let index = peers[peer].forgotten.firstIndex(of: span) else { return .violation }
            peers[peer].forgotten.remove(at: index)
            return .discard
        }
        guard !request.isCancelled, let piece = open.place(of: span.piece), !open[piece].isVerifying
        else { return .discard }
        if open[piece].beginReceiving(span, from: key) { return .buffer }
        return open[piece].hasReceived(span) ? .discard : .aside
    }

    /// All bytes of a block have come, and are where ``beginBlock(_:from:)`` said.
    /// - Returns: whether bytes that lie aside are to be copied into the piece's buffer now.
    @discardableResult
    public mutating func finishBlock(_ span: BlockSpan, from key: PeerKey, placement: Placement, now: Double) -> Bool {
        guard let request = settle(span, of: key) else {
            wastedBytes += Int64(span.length)
            return false
        }
        if let peer = peers.place(of: key) {
            if sites.members > 0, !peers[peer].traits.isWebSeed { sites.received(span.length, fromNear: peers[peer].isNear) }
            peers[peer].window.arrived(span.length, delay: now - request.sentAt, now: now)
            peers[peer].lastProgressAt = now
            peers[peer].isSnubbed = false
            peers[peer].rejects = 0
            if let newest = peers[peer].further?.newestAnswered, request.sentAt > newest {
                peers[peer].further?.newestAnswered = request.sentAt
            }
        }
        downloadMeter.add(span.length, now: now)
        var copies = false
        if placement == .buffer || placement == .aside, !request.isCancelled,
            let piece = open.place(of: span.piece), !open[piece].isVerifying
        {
            copies = placement == .aside
            for slower in open[piece].receivers(of: span, otherThan: key) {
                open[piece].stopReceiving(span, from: slower)
                actions.append(.divert(slower, span))
            }
            if open[piece].markReceived(span, from: key) {
                cancelOthers(span, except: key)
                if open[piece].isComplete { verify(span.piece) }
            } else {
                wastedBytes += Int64(span.length)
            }
        } else {
            wastedBytes += Int64(span.length)
        }
        refill(key, now: now)
        return copies
    }

    /// A peer says that a request will not be answered (BEP 6), or a web seed cannot.
    public mutating func rejected(_ span: BlockSpan, by key: PeerKey, now: Double) {
        guard let request = settle(span, of: key) else { return }
        if !request.isCancelled {
            open[span.piece]?.stopReceiving(span, from: key)
            open[span.piece]?.release(span)
        }
        peers[key]?.suggested.removeAll { $0 == span.piece }
        peers[key]?.allowedFast.remove(span.piece)
        if !request.isCancelled {
            pauseAfterReject(key, now: now)
            giveUpExclusive(of: key)
        }
        refillAll(now: now)
    }

    /// A new request for every reject would go on as fast as the line is. Those that come together count as one.
    private mutating func pauseAfterReject(_ key: PeerKey, now: Double) {
        guard let peer = peers[key], !peer.isChokingUs, !peer.turns.givesTurns, !peer.traits.isWebSeed, now >= peer.askAgainAt else { return }
        let pause = configuration.rejectPause * Double(1 << min(peer.rejects, 16))
        peers[key]?.askAgainAt = now + min(pause, configuration.longestRejectPause)
        peers[key]?.rejects = peer.rejects + 1
    }

    /// A peer that alone was to send suspect pieces does not: they begin anew with another, whole again, so that there
    /// is one culprit still if they come out wrong.
    mutating func giveUpExclusive(of key: PeerKey) {
        for piece in openOrder {
            guard let place = open.place(of: piece), open[place].exclusiveOwner == key, !open[place].isVerifying
            else { continue }
            for request in peers[key]?.outstanding ?? [] where request.span.piece == piece && !request.isCancelled {
                actions.append(.divert(key, request.span))
                cancel(request, of: key)
            }
            wastedBytes += Int64(open[piece]?.receivedBytes ?? 0)
            close(piece)
            picker.insert(piece)
        }
    }

    private mutating func settle(_ span: BlockSpan, of key: PeerKey) -> OutstandingRequest? {
        guard let peer = peers.place(of: key),
            let index = peers[peer].outstanding.firstIndex(where: { $0.span == span })
        else { return nil }
        peers[peer].outstandingBytes -= span.length
        return peers[peer].outstanding.remove(at: index)
    }

    /// Others were asked for the same block in the end game.
    private mutating func cancelOthers(_ span: BlockSpan, except key: PeerKey) {
        guard picker.isEmpty || openBytes + layout.pieceLength > mostOpenBytes else { return }
        for other in peers.keys where other != key {
            guard let peer = peers.place(of: other), peers[peer].outstandingBytes >= span.length else { continue }
            for request in peers[peer].outstanding where request.span == span && !request.isCancelled {
                cancel(request, of: other)
            }
        }
    }

    mutating func cancel(_ request: OutstandingRequest, of key: PeerKey) {
        guard let peer = peers[key], let index = peer.outstanding.firstIndex(where: { $0.span == request.span }) else { return }
        if peer.traits.isWebSeed {
            actions.append(.cancelFetch(key, request.span))
        } else {
            send(key, .cancel(request.span.wire))
        }
        if peer.traits.supportsFast && !peer.traits.isWebSeed {
            // It answers with the block or a reject; until then the request counts.
            peers[key]?.outstanding[index].isCancelled = true
        } else {
            peers[key]?.outstanding.remove(at: index)
            peers[key]?.outstandingBytes -= request.span.length
            remember(request.span, of: key)
        }
    }

    mutating func remember(_ span: BlockSpan, of key: PeerKey) {
        peers[key]?.forgotten.append(span)
        if let count = peers[key]?.forgotten.count, count > 1024 { peers[key]?.forgotten.removeFirst(count - 1024) }
    }

    // MARK: Choking by the peer

    mutating func receivedChoke(from key: PeerKey, now: Double) {
        guard let peer = peers[key] else { return }
        peers[key]?.isChokingUs = true
        // With the fast extension every request is still answered, one way or the other.
        guard !peer.traits.supportsFast else {
            giveUpExclusive(of: key)
            return refillAll(now: now)
        }
        peers[key]?.outstanding = []
        peers[key]?.outstandingBytes = 0
        for request in peer.outstanding {
            forget(request, of: key)
            remember(request.span, of: key)
        }
        giveUpExclusive(of: key)
        refillAll(now: now)
    }

    mutating func receivedUnchoke(from key: PeerKey, now: Double) {
        peers[key]?.isChokingUs = false
        refill(key, now: now)
    }

    mutating func receivedSuggest(_ raw: UInt32, from key: PeerKey, now: Double) {
        guard let piece = layout.piece(Int(raw))?.value else { return violation(key, "suggestion of a piece out of range") }
        guard let peer = peers[key], isMissing(piece), peer.holdings.contains(piece), peer.suggested.count < 1024 else { return }
        if !peer.suggested.contains(piece) { peers[key]?.suggested.append(piece) }
        if peer.traits.followsSuggestions {
            peers[key]?.isDispatching = true
            updateHolder(key)
        }
        refill(key, now: now)
    }

    mutating func receivedAllowedFast(_ raw: UInt32, from key: PeerKey, now: Double) {
        guard let piece = layout.piece(Int(raw))?.value else { return violation(key, "allowed fast piece out of range") }
        guard let count = peers[key]?.allowedFast.count, count < 64 else { return }
        if isMissing(piece) { peers[key]?.allowedFast.insert(piece) }
        refill(key, now: now)
    }

    // MARK: Whole pieces

    private mutating func verify(_ piece: Int) {
        open[piece]?.isVerifying = true
        actions.append(.verify(PieceIndex(unchecked: piece), digests: ledger.isSuspect(piece)))
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

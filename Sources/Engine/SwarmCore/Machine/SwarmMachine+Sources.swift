import Metainfo

/// Sources that come and go by policy: what each may be asked for, whether peers are, and who has sent what.
extension SwarmMachine {
    /// Changes what a web seed is asked for: pieces of the files that are its share just now, none while it pauses.
    /// What it was asked for beyond that is cancelled, counts against nobody, and is asked of others.
    public mutating func setHoldings(of key: PeerKey, to holdings: PieceSet, now: Double) {
        guard let peer = peers[key], peer.traits.isWebSeed, holdings.size == layout.pieceCount,
            holdings != peer.holdings
        else { return }
        if peer.countsAsFull || holdings.isFull {
            if peer.countsAsFull { picker.removeFullPeer() } else { peer.holdings.forEach { picker.decrease($0) } }
            if holdings.isFull { picker.addFullPeer() } else { holdings.forEach { picker.increase($0) } }
        } else {
            peer.holdings.forEach { if !holdings.contains($0) { picker.decrease($0) } }
            holdings.forEach { if !peer.holdings.contains($0) { picker.increase($0) } }
        }
        var count = 0
        if !isFinished { holdings.forEach { if isMissing($0) { count += 1 } } }
        peers[key]?.holdings = holdings
        peers[key]?.countsAsFull = holdings.isFull
        peers[key]?.wantedCount = count
        peers[key]?.isSnubbed = false
        peers[key]?.lastProgressAt = now
        // Who comes back begins gently: it may be a probe of a source that failed.
        if holdings.isEmpty { peers[key]?.window.collapse() }
        takeBack(from: key) { !holdings.contains($0) }
        refillAll(now: now)
    }

    /// Whether peers are asked for pieces. They are served in any case, see ``setServing(_:now:)``.
    public mutating func setAsksPeers(_ asks: Bool, now: Double) {
        guard asks != asksPeers else { return }
        asksPeers = asks
        for key in peers.keys where peers[key]?.traits.isWebSeed == false {
            if !asks { takeBack(from: key) { _ in true } }
            peers[key]?.lastProgressAt = now
            updateInterest(key, now: now)
        }
        refillAll(now: now)
    }

    /// Whether peers are served.
    public mutating func setServing(_ serves: Bool, now: Double) {
        guard serves != isServing else { return }
        isServing = serves
        nextChokeAt = now
        rechoke(now: now)
    }

    /// What a source was asked for is free again, as far as `isConcerned` says so of its piece.
    private mutating func takeBack(from key: PeerKey, _ isConcerned: (Int) -> Bool) {
        guard let peer = peers[key] else { return }
        for request in peer.outstanding where !request.isCancelled && isConcerned(request.span.piece) {
            forget(request, of: key)
            actions.append(.divert(key, request.span))
            cancel(request, of: key)
        }
        if openOrder.contains(where: { open[$0]?.exclusiveOwner == key && isConcerned($0) }) {
            giveUpExclusive(of: key)
        }
    }

    /// Stored pieces that turned out to be wrong after all are fetched again.
    public mutating func refetch(_ pieces: Range<Int>, now: Double) {
        for piece in pieces { if let index = layout.piece(piece) { lost(index, now: now) } }
        refillAll(now: now)
    }

    /// Wanted pieces that are not there and that no peer has; web seeds do not count.
    public var piecesWithoutPeer: PieceSet {
        var lacking = PieceSet(size: layout.pieceCount)
        guard !isFinished else { return lacking }
        lacking = wanted
        lacking.subtract(have)
        for key in peers.keys where !lacking.isEmpty {
            guard let peer = peers[key], !peer.traits.isWebSeed else { continue }
            if peer.holdings.isFull { return PieceSet(size: layout.pieceCount) }
            lacking.subtract(peer.holdings)
        }
        return lacking
    }

    /// The peer or source that sent all blocks of a piece that is being verified; nil where several did.
    public func soleSender(of piece: PieceIndex) -> PeerKey? {
        guard let senders = open[piece.value]?.senders, let first = senders.first, let sender = first else {
            return nil
        }
        return senders.allSatisfy { $0 == sender } ? sender : nil
    }

    // MARK: Credits

    /// Which files of the layout count in ``credits`` and ``peerCredit``; nil for all but padding.
    public var countedFiles: [Bool]? {
        get { creditLedger.countedFiles }
        set { creditLedger.countedFiles = newValue }
    }

    /// Verified bytes of the counted files by the web seed that sent them, those that have left included.
    public var credits: [PeerKey: Int64] { creditLedger.bySource }
    /// Verified bytes of the counted files that peers sent.
    public var peerCredit: Int64 { creditLedger.byPeers }
}

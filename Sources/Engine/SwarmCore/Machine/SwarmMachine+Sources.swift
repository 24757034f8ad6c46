import Metainfo

/// Control of sources by policy: which pieces each source may be asked for, whether peers are used, and how much each
/// sent.
extension SwarmMachine {
    /// Changes the pieces that a web seed may be asked for: those of its current share of the files, or none while it
    /// is paused. Outstanding requests for other pieces are cancelled without penalty and sent to other sources.
    public mutating func setHoldings(of key: PeerKey, to holdings: PieceSet, now: Double) {
        guard let peer = swarm.peers[key], peer.traits.isWebSeed, holdings.size == swarm.layout.pieceCount,
            holdings != peer.holdings
        else { return }
        if peer.countsAsFull || holdings.isFull {
            planner.picker.remove(peer.holdings, countsAsFull: peer.countsAsFull)
            planner.picker.add(holdings)
        } else {
            peer.holdings.forEach { if !holdings.contains($0) { planner.picker.decrease($0) } }
            holdings.forEach { if !peer.holdings.contains($0) { planner.picker.increase($0) } }
        }
        var count = 0
        if !swarm.isFinished { holdings.forEach { if swarm.isMissing($0) { count += 1 } } }
        swarm.peers[key]?.holdings = holdings
        swarm.peers[key]?.countsAsFull = holdings.isFull
        swarm.peers[key]?.wantedCount = count
        swarm.peers[key]?.isSnubbed = false
        swarm.peers[key]?.lastProgressAt = now
        // A source that returns starts slowly: this may be a probe after a failure.
        if holdings.isEmpty { swarm.peers[key]?.window.collapse() }
        planner.withdrawRequests(from: key, &swarm, &sites) { !holdings.contains($0) }
        planner.refillAll(&swarm, &sites, now: now)
    }

    /// Sets whether pieces are requested from peers. Peers are served in any case, see ``setServing(_:now:)``.
    public mutating func setAsksPeers(_ asks: Bool, now: Double) {
        guard asks != swarm.asksPeers else { return }
        swarm.asksPeers = asks
        for key in swarm.peers.keys where swarm.peers[key]?.traits.isWebSeed == false {
            if !asks { planner.withdrawRequests(from: key, &swarm, &sites) { _ in true } }
            swarm.peers[key]?.lastProgressAt = now
            swarm.updateInterest(key)
        }
        planner.refillAll(&swarm, &sites, now: now)
    }

    /// Leaves pieces to other sources: peers are not asked for them, and what they were asked for is taken back.
    /// - Parameter pieces: nil for none.
    public mutating func reserve(_ pieces: PieceSet?, now: Double) {
        let pieces = pieces.flatMap { $0.size == swarm.layout.pieceCount && !$0.isEmpty ? $0 : nil }
        guard pieces != planner.reserved else { return }
        planner.reserved = pieces
        if let pieces {
            for key in swarm.peers.keys where swarm.peers[key]?.traits.isWebSeed == false {
                planner.withdrawRequests(from: key, &swarm, &sites) { pieces.contains($0) }
            }
        }
        planner.refillAll(&swarm, &sites, now: now)
    }

    /// Sets whether peers are served.
    public mutating func setServing(_ serves: Bool, now: Double) {
        guard serves != swarm.isServing else { return }
        swarm.isServing = serves
        uploads.nextChokeAt = now
        uploads.rechoke(&swarm, planner.picker.availability, now: now)
    }

    /// Sets which pieces this origin gives first. Has no effect without ``SwarmConfiguration/egress``.
    public mutating func setShare(_ share: OwnerShare, now: Double) {
        guard swarm.egress?.setShare(share, now: now) == true, let egress = swarm.egress else { return }
        uploads.dispatcher?.leave(to: egress.share, silent: egress.silent)
        uploads.dispatchAll(&swarm, planner.picker.availability, now: now)
    }

    /// Sets the pieces that somebody waits for: they are requested before all others, in this order.
    public mutating func setUrgent(_ pieces: [Int], now: Double) {
        let missing = pieces.filter { $0 >= 0 && $0 < swarm.layout.pieceCount && swarm.isMissing($0) }
        guard missing != planner.urgent else { return }
        planner.urgent = missing
        planner.refillAll(&swarm, &sites, now: now)
    }

    /// Downloads stored pieces again that turned out to be wrong.
    public mutating func refetch(_ pieces: Range<Int>, now: Double) {
        for piece in pieces { if let index = swarm.layout.piece(piece) { lost(index, now: now) } }
        planner.refillAll(&swarm, &sites, now: now)
    }

    /// Wanted pieces that are missing and that no peer has; web seeds, and what is left to them, do not count.
    public var piecesWithoutPeer: PieceSet {
        var lacking = PieceSet(size: swarm.layout.pieceCount)
        guard !swarm.isFinished else { return lacking }
        lacking = swarm.wanted
        lacking.subtract(swarm.have)
        if let reserved = planner.reserved { lacking.subtract(reserved) }
        for key in swarm.peers.keys where !lacking.isEmpty {
            guard let peer = swarm.peers[key], !peer.traits.isWebSeed else { continue }
            if peer.holdings.isFull { return PieceSet(size: swarm.layout.pieceCount) }
            lacking.subtract(peer.holdings)
        }
        return lacking
    }

    /// The peer or source that sent all blocks of a piece that is being verified; nil if several did.
    public func soleSender(of piece: PieceIndex) -> PeerKey? {
        guard let senders = planner.open[piece.value]?.senders, let first = senders.first, let sender = first else {
            return nil
        }
        return senders.allSatisfy { $0 == sender } ? sender : nil
    }
}

import Metainfo

/// Sources that come and go by policy: what each may be asked for, whether peers are, and who has sent what.
extension SwarmMachine {
    /// Changes what a web seed is asked for: pieces of the files that are its share just now, none while it pauses.
    /// What it was asked for beyond that is cancelled, counts against nobody, and is asked of others.
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
        // Who comes back begins gently: it may be a probe of a source that failed.
        if holdings.isEmpty { swarm.peers[key]?.window.collapse() }
        planner.takeBack(from: key, &swarm, &sites) { !holdings.contains($0) }
        planner.refillAll(&swarm, &sites, now: now)
    }

    /// Whether peers are asked for pieces. They are served in any case, see ``setServing(_:now:)``.
    public mutating func setAsksPeers(_ asks: Bool, now: Double) {
        guard asks != swarm.asksPeers else { return }
        swarm.asksPeers = asks
        for key in swarm.peers.keys where swarm.peers[key]?.traits.isWebSeed == false {
            if !asks { planner.takeBack(from: key, &swarm, &sites) { _ in true } }
            swarm.peers[key]?.lastProgressAt = now
            swarm.updateInterest(key)
        }
        planner.refillAll(&swarm, &sites, now: now)
    }

    /// Whether peers are served.
    public mutating func setServing(_ serves: Bool, now: Double) {
        guard serves != swarm.isServing else { return }
        swarm.isServing = serves
        uploads.nextChokeAt = now
        uploads.rechoke(&swarm, planner.picker.availability, now: now)
    }

    /// Stored pieces that turned out to be wrong after all are fetched again.
    public mutating func refetch(_ pieces: Range<Int>, now: Double) {
        for piece in pieces { if let index = swarm.layout.piece(piece) { lost(index, now: now) } }
        planner.refillAll(&swarm, &sites, now: now)
    }

    /// Wanted pieces that are not there and that no peer has; web seeds do not count.
    public var piecesWithoutPeer: PieceSet {
        var lacking = PieceSet(size: swarm.layout.pieceCount)
        guard !swarm.isFinished else { return lacking }
        lacking = swarm.wanted
        lacking.subtract(swarm.have)
        for key in swarm.peers.keys where !lacking.isEmpty {
            guard let peer = swarm.peers[key], !peer.traits.isWebSeed else { continue }
            if peer.holdings.isFull { return PieceSet(size: swarm.layout.pieceCount) }
            lacking.subtract(peer.holdings)
        }
        return lacking
    }

    /// The peer or source that sent all blocks of a piece that is being verified; nil where several did.
    public func soleSender(of piece: PieceIndex) -> PeerKey? {
        guard let senders = planner.open[piece.value]?.senders, let first = senders.first, let sender = first else {
            return nil
        }
        return senders.allSatisfy { $0 == sender } ? sender : nil
    }
}

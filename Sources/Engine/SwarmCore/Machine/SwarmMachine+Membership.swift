import Metainfo
import PeerWire

/// Peers that join and leave, and the pieces of each.
extension SwarmMachine {
    /// Adds a peer whose handshake is complete, and sends it our holdings.
    public mutating func join(_ traits: PeerTraits, now: Double) -> PeerKey {
        let place = Int.random(in: 0...swarm.peers.count, using: &swarm.generator)
        let key = swarm.peers.add(at: place) {
            PeerState(
                key: $0, traits: traits, pieceCount: swarm.layout.pieceCount, missing: swarm.missingCount, now: now)
        }
        if !traits.isWebSeed { sites.outsiderCame() }
        updateSite(of: key, isNear: traits.isNear, supportsClaims: traits.supportsClaims)
        if traits.isWebSeed {
            swarm.peers[key]?.isChokingUs = false
            creditLedger.joined(key)
            let mask = traits.mask.flatMap { $0.size == swarm.layout.pieceCount ? $0 : nil }
            setHoldings(of: key, mask ?? PieceSet(full: swarm.layout.pieceCount), now: now)
        } else {
            tellHoldings(key)
            if swarm.configuration.superSeed { uploads.dispatch(key, &swarm, planner.picker.availability, now: now) }
        }
        return key
    }

    /// Updates a peer's traits after an extension handshake.
    public mutating func update(_ key: PeerKey, _ change: (inout PeerTraits) -> Void) {
        guard var traits = swarm.peers[key]?.traits else { return }
        change(&traits)
        swarm.peers[key]?.traits = traits
        if !traits.supportsGrants { uploads.lostGrantSupport(of: key, &swarm) }
        updateSite(of: key, isNear: traits.isNear, supportsClaims: traits.supportsClaims)
    }

    /// Whether a peer is another origin of the registry.
    public func isOrigin(_ key: PeerKey) -> Bool { swarm.peers[key]?.traits.isOrigin ?? false }

    /// Updates the site membership of a peer after its traits changed.
    private mutating func updateSite(of key: PeerKey, isNear: Bool, supportsClaims: Bool) {
        for piece in sites.update(key, isNear: isNear, supportsClaims: supportsClaims, &swarm) {
            planner.giveWay(piece, &swarm, &sites)
        }
    }

    /// Removes a peer whose connection is closed. Its outstanding requests are sent to others.
    public mutating func leave(_ key: PeerKey, now: Double) {
        uploads.leaving(key, &swarm)
        updateSite(of: key, isNear: false, supportsClaims: false)
        guard let peer = swarm.peers.remove(key) else { return }
        if !peer.traits.isWebSeed { sites.outsiderLeft() }
        for request in peer.outstanding { planner.release(request, of: key) }
        planner.picker.remove(peer.holdings, countsAsFull: peer.countsAsFull)
        planner.giveUpExclusive(of: key, &swarm, &sites)
        uploads.left(
            key, wasServed: !peer.amChoking, wasFull: peer.holdings.isFull && !peer.traits.isOrigin, &swarm,
            planner.picker.availability, now: now)
        planner.refillAll(&swarm, &sites, now: now)
        uploads.dispatchAll(&swarm, planner.picker.availability, now: now)
    }

    private mutating func tellHoldings(_ key: PeerKey) {
        guard let peer = swarm.peers[key] else { return }
        let fast = peer.traits.supportsFast
        if uploads.hidesHoldings(&swarm) {
            if fast { swarm.send(key, .haveNone) }
            return
        }
        if swarm.have.isFull && swarm.unservable.isEmpty && fast { return swarm.send(key, .haveAll) }
        if swarm.have.isEmpty {
            if fast { swarm.send(key, .haveNone) }
            return
        }
        var shown = swarm.have
        swarm.unservable.forEach { shown.remove($0) }
        swarm.send(key, .bitfield(shown.wireBytes))
    }

    // MARK: Holdings of peers

    mutating func receivedHoldings(_ holdings: PieceSet, from key: PeerKey, now: Double) {
        guard let peer = swarm.peers[key] else { return }
        swarm.peers[key]?.mayAnnounceHoldings = false
        if peer.mayAnnounceHoldings { return setHoldings(of: key, holdings, now: now) }
        // BEP 3 allows a bitfield only as the first message, but some clients (aria2) send another bitfield instead of
        // many haves. It may only add pieces.
        guard holdings.count > peer.holdings.count, peer.holdings.countMissing(in: holdings) == 0 else {
            return swarm.violation(key, "a second bitfield that takes back pieces, or says nothing new")
        }
        holdings.forEach {
            if !peer.holdings.contains($0) { receivedHave(UInt32(truncatingIfNeeded: $0), from: key, now: now) }
        }
    }

    private mutating func setHoldings(of key: PeerKey, _ holdings: PieceSet, now: Double) {
        swarm.peers[key]?.holdings = holdings
        if holdings.isFull { swarm.peers[key]?.countsAsFull = true }
        planner.picker.add(holdings)
        var count = 0
        if !swarm.isFinished {
            if holdings.isFull {
                count = swarm.missingCount
            } else {
                holdings.forEach { if swarm.isMissing($0) { count += 1 } }
            }
        }
        swarm.peers[key]?.wantedCount = count
        if swarm.peers[key]?.isHolder == true {
            for needless in sites.gain(holdings, by: key) { planner.giveWay(needless, &swarm, &sites) }
        }
        swarm.updateInterest(key)
        swarm.dropIfRedundant(key)
    }

    mutating func receivedHave(_ raw: UInt32, from key: PeerKey, now: Double) {
        guard let piece = swarm.layout.piece(Int(raw))?.value else {
            return swarm.violation(key, "have of a piece out of range")
        }
        guard let peer = swarm.peers.place(of: key) else { return }
        swarm.peers[peer].mayAnnounceHoldings = false
        guard swarm.peers[peer].holdings.insert(piece) else { return swarm.heardNothingNew(from: peer, now: now) }
        if swarm.peers[peer].holdings.isFull, !swarm.peers[peer].hasLostPieces {
            swarm.peers[peer].countsAsFull = true
            planner.picker.completed(with: piece)
        } else {
            planner.picker.increase(piece)
        }
        if swarm.isMissing(piece) { swarm.peers[peer].wantedCount += 1 }
        if swarm.peers[peer].isHolder, sites.gain(piece, by: key) { planner.giveWay(piece, &swarm, &sites) }
        uploads.announced(piece, by: key, &swarm, planner.picker.availability, now: now)
        swarm.updateInterest(key)
        planner.refill(key, &swarm, &sites, now: now)
        swarm.dropIfRedundant(key)
    }

    mutating func receivedDontHave(_ raw: UInt32, from key: PeerKey, now: Double) {
        guard let piece = swarm.layout.piece(Int(raw))?.value else {
            return swarm.violation(key, "donthave of a piece out of range")
        }
        guard let wasFull = swarm.peers[key]?.countsAsFull, swarm.peers[key]?.holdings.remove(piece) == true else {
            return
        }
        // From now on, pieces of a peer that loses pieces are counted one by one: recounting examines every piece.
        swarm.peers[key]?.hasLostPieces = true
        if wasFull {
            swarm.peers[key]?.countsAsFull = false
            planner.picker.completeNoMore(without: piece)
        } else {
            planner.picker.decrease(piece)
        }
        if swarm.isMissing(piece) { swarm.peers[key]?.wantedCount -= 1 }
        if swarm.peers[key]?.isHolder == true { sites.lose(piece) }
        swarm.updateInterest(key)
    }
}

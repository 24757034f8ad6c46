import Metainfo
import PeerWire

/// Who comes and goes, and what each has.
extension SwarmMachine {
    /// A peer whose handshake is done. What we have is told to it at once.
    public mutating func join(_ traits: PeerTraits, now: Double) -> PeerKey {
        let place = Int.random(in: 0...peers.count, using: &generator)
        let key = peers.add(at: place) {
            PeerState(key: $0, traits: traits, pieceCount: layout.pieceCount, missing: missingCount, now: now)
        }
        if !traits.isWebSeed { sites.outsiderCame() }
        updateSite(of: key, isNear: traits.isNear, takesClaims: traits.takesClaims)
        if traits.isWebSeed {
            peers[key]?.isChokingUs = false
            creditLedger.joined(key)
            let mask = traits.mask.flatMap { $0.size == layout.pieceCount ? $0 : nil }
            setHoldings(of: key, mask ?? PieceSet(full: layout.pieceCount), now: now)
        } else {
            tellHoldings(key)
            if configuration.superSeed { dispatch(key, now: now) }
        }
        return key
    }

    /// The extension handshake told more about a peer.
    public mutating func update(_ key: PeerKey, _ change: (inout PeerTraits) -> Void) {
        guard var traits = peers[key]?.traits else { return }
        change(&traits)
        peers[key]?.traits = traits
        if !traits.takesTurns, peers[key]?.turns.isTold == true {
            takeTurnsBack(from: key)
            peers[key]?.turns.isTold = false
        }
        updateSite(of: key, isNear: traits.isNear, takesClaims: traits.takesClaims)
    }

    /// The connection is gone. What it owed is asked of others.
    public mutating func leave(_ key: PeerKey, now: Double) {
        takeTurnsBack(from: key)
        updateSite(of: key, isNear: false, takesClaims: false)
        if let place = peers.place(of: key), peers[place].isInterested, !peers[place].amChoking, !isInTurns(key) {
            freeSlots.taken(-1)
        }
        guard let peer = peers.remove(key) else { return }
        if !peer.traits.isWebSeed { sites.outsiderLeft() }
        for request in peer.outstanding { forget(request, of: key) }
        if peer.countsAsFull {
            picker.removeFullPeer()
        } else {
            peer.holdings.forEach { picker.decrease($0) }
        }
        giveUpExclusive(of: key)
        dispatcher?.removePeer(key)
        if dispatcher != nil, !isRevealed {
            let (have, unservable, availability) = (have, unservable, picker.availability)
            dispatcher?.restore { availability[$0] == 0 && have.contains($0) && !unservable.contains($0) }
        }
        if !peer.amChoking { nextChokeAt = min(nextChokeAt, now) }
        refillAll(now: now)
        dispatchAll(now: now)
    }

    /// Whether a request's bytes were on their way or not: its blocks are free again.
    mutating func forget(_ request: OutstandingRequest, of key: PeerKey) {
        guard !request.isCancelled else { return }
        open[request.span.piece]?.stopReceiving(request.span, from: key)
        open[request.span.piece]?.release(request.span)
    }

    private mutating func tellHoldings(_ key: PeerKey) {
        guard let peer = peers[key] else { return }
        let fast = peer.traits.supportsFast
        if configuration.superSeed && isFinished && !isRevealed {
            if fast { send(key, .haveNone) }
            return
        }
        if have.isFull && unservable.isEmpty && fast { return send(key, .haveAll) }
        if have.isEmpty {
            if fast { send(key, .haveNone) }
            return
        }
        var shown = have
        unservable.forEach { shown.remove($0) }
        send(key, .bitfield(shown.wireBytes))
    }

    // MARK: What a peer has

    mutating func receivedHoldings(_ holdings: PieceSet, from key: PeerKey, now: Double) {
        guard let peer = peers[key] else { return }
        peers[key]?.mayAnnounceHoldings = false
        if peer.mayAnnounceHoldings { return setHoldings(of: key, holdings, now: now) }
        // BEP 3 has it first and once, but clients save on many haves by another bitfield (aria2 does): it may only
        // add.
        guard holdings.count > peer.holdings.count, peer.holdings.countMissing(in: holdings) == 0 else {
            return violation(key, "a second bitfield that takes back pieces, or says nothing new")
        }
        holdings.forEach {
            if !peer.holdings.contains($0) { receivedHave(UInt32(truncatingIfNeeded: $0), from: key, now: now) }
        }
    }

    private mutating func setHoldings(of key: PeerKey, _ holdings: PieceSet, now: Double) {
        peers[key]?.holdings = holdings
        if holdings.isFull {
            peers[key]?.countsAsFull = true
            picker.addFullPeer()
        } else {
            holdings.forEach { picker.increase($0) }
        }
        var count = 0
        if !isFinished {
            if holdings.isFull {
                count = missingCount
            } else {
                holdings.forEach { if isMissing($0) { count += 1 } }
            }
        }
        peers[key]?.wantedCount = count
        if peers[key]?.isHolder == true { holdings.forEach { gainedNear($0, by: key) } }
        updateInterest(key, now: now)
        dropIfRedundant(key)
    }

    mutating func receivedHave(_ raw: UInt32, from key: PeerKey, now: Double) {
        guard let piece = layout.piece(Int(raw))?.value else { return violation(key, "have of a piece out of range") }
        guard let peer = peers.place(of: key) else { return }
        peers[peer].mayAnnounceHoldings = false
        guard peers[peer].holdings.insert(piece) else { return heardNothingNew(from: peer, now: now) }
        if peers[peer].holdings.isFull, !peers[peer].hasLostPieces {
            peers[peer].countsAsFull = true
            for index in 0..<layout.pieceCount where index != piece { picker.decrease(index) }
            picker.addFullPeer()
        } else {
            picker.increase(piece)
        }
        if isMissing(piece) { peers[peer].wantedCount += 1 }
        if peers[peer].isHolder { gainedNear(piece, by: key) }
        if dispatcher != nil {
            dispatcher?.announced(piece, by: key)
            dispatch(key, now: now)
            revealIfSpread()
        }
        updateInterest(key, now: now)
        refill(key, now: now)
        dropIfRedundant(key)
    }

    mutating func receivedDontHave(_ raw: UInt32, from key: PeerKey, now: Double) {
        guard let piece = layout.piece(Int(raw))?.value else {
            return violation(key, "donthave of a piece out of range")
        }
        guard let wasFull = peers[key]?.countsAsFull, peers[key]?.holdings.remove(piece) == true else { return }
        // Who loses pieces is counted one by one from now on: to count anew takes a look at every piece.
        peers[key]?.hasLostPieces = true
        if wasFull {
            peers[key]?.countsAsFull = false
            picker.removeFullPeer()
            for index in 0..<layout.pieceCount where index != piece { picker.increase(index) }
        } else {
            picker.decrease(piece)
        }
        if isMissing(piece) { peers[key]?.wantedCount -= 1 }
        if peers[key]?.isHolder == true { sites.lose(piece) }
        updateInterest(key, now: now)
    }

    func isMissing(_ piece: Int) -> Bool { !isFinished && wanted.contains(piece) && !have.contains(piece) }

    mutating func updateInterest(_ key: PeerKey, now: Double) {
        guard let peer = peers.place(of: key) else { return }
        let interested = peers[peer].wantedCount > 0 && asksPeers
        guard interested != peers[peer].amInterested, !peers[peer].traits.isWebSeed else { return }
        peers[peer].amInterested = interested
        send(key, interested ? .interested : .notInterested)
    }

    /// Two that have everything have nothing to say to each other.
    mutating func dropIfRedundant(_ key: PeerKey) {
        guard isFinished, let peer = peers.place(of: key), !peers[peer].traits.isWebSeed else { return }
        if peers[peer].holdings.isFull || peers[peer].isUploadOnly { actions.append(.disconnect(key, .redundant)) }
    }

    // MARK: A seed's hand

    /// How many pieces a peer is to have in hand: enough that it never waits for a word from us. On a long line
    /// that takes its time several times over (suggestion, request, block, announcement, and what loss adds to each);
    /// how fast it is, is not known before it has been full.
    private func lookahead(_ rate: Double, roundTrip: Double) -> Int {
        let length = Double(layout.pieceLength)
        let unknown = roundTrip > 0 ? min(0.2, roundTrip) * Double(64 << 20) : 0
        let bytes = max(rate * (0.25 + 8 * roundTrip), unknown)
        return max(2, Int((Double(1 << 20) / length).rounded(.up))) + min(512, Int(bytes / length))
    }

    /// A piece that nobody has, nil when there is none left that the peer wants.
    mutating func pieceToDispatch(to key: PeerKey, now: Double) -> Int? {
        guard dispatcher?.hasGivenAll == false, let peer = peers.place(of: key) else { return nil }
        let holdings = peers[peer].holdings
        let availability = picker.availability
        return dispatcher?.assign(to: key, now: now) { !holdings.contains($0) && availability[$0] == 0 } ?? nil
    }

    mutating func dispatch(_ key: PeerKey, now: Double) {
        guard isServing, dispatcher?.hasGivenAll == false, let peer = peers.place(of: key),
            !peers[peer].traits.isWebSeed
        else { return }
        let secret = configuration.superSeed
        guard !isInTurns(key),
            secret || (peers[peer].traits.followsSuggestions && !peers[peer].amChoking && peers[peer].isInterested)
        else { return }
        let rate = peers[peer].uploadMeter.rate(now)
        let target = lookahead(rate, roundTrip: peers[peer].traits.longRoundTrip)
        // While others wait for what it would have: the line is not to idle.
        if dispatcher?.isSlowToSpread(key) == true, isAnybodyWaiting(besides: key) { return }
        while (self.dispatcher?.outstanding(key) ?? 0) < target {
            guard let piece = pieceToDispatch(to: key, now: now) else { break }
            send(key, secret ? .have(UInt32(piece)) : .suggest(UInt32(piece)))
        }
    }

    private func isAnybodyWaiting(besides one: PeerKey) -> Bool {
        peers.keys.contains { $0 != one && peers[$0].map { $0.uploadCount > 0 } ?? false }
    }

    mutating func dispatchAll(now: Double) {
        guard dispatcher?.hasGivenAll == false else { return }
        for key in peers.keys { dispatch(key, now: now) }
    }

    /// The end of super-seeding: every piece is out there, so everybody may have everything of us.
    mutating func revealIfSpread() {
        guard configuration.superSeed, !isRevealed, dispatcher?.hasSpread == true else { return }
        isRevealed = true
        for key in peers.keys { revealAll(to: key) }
    }

    private mutating func revealAll(to key: PeerKey) {
        guard let holdings = peers[key]?.holdings else { return }
        for piece in 0..<layout.pieceCount where canServe(piece) && !holdings.contains(piece) {
            send(key, .have(UInt32(piece)))
        }
    }

    /// With super-seeding, a peer may ask only for what it was told of.
    func isShown(_ piece: Int, to key: PeerKey) -> Bool {
        guard configuration.superSeed, isFinished, !isRevealed, let dispatcher else { return true }
        return dispatcher.isAssigned(piece, to: key)
    }
}

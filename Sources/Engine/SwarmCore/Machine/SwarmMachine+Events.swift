import PeerWire

/// Messages and time.
extension SwarmMachine {
    /// Any message but piece data; the wire's own rules have been checked by its decoder.
    public mutating func received(_ message: Message, from key: PeerKey, now: Double) {
        // The most frequent first, and without a look at the peer as a whole.
        if case .have(let piece) = message { return receivedHave(piece, from: key, now: now) }
        guard peers.place(of: key) != nil else { return }
        switch message {
        case .keepAlive, .port: break
        case .choke: receivedChoke(from: key, now: now)
        case .unchoke: receivedUnchoke(from: key, now: now)
        case .interested: receivedInterest(true, from: key, now: now)
        case .notInterested: receivedInterest(false, from: key, now: now)
        case .have(let piece): receivedHave(piece, from: key, now: now)
        case .bitfield(let bytes):
            guard let holdings = PieceSet(wire: bytes, size: layout.pieceCount) else {
                return violation(key, "bitfield of a wrong size or with spare bits")
            }
            receivedHoldings(holdings, from: key, now: now)
        case .haveAll: receivedHoldings(PieceSet(full: layout.pieceCount), from: key, now: now)
        case .haveNone: receivedHoldings(PieceSet(size: layout.pieceCount), from: key, now: now)
        case .request(let request): receivedRequest(request, from: key, now: now)
        case .cancel(let request): receivedCancel(request, from: key, now: now)
        case .reject(let request): receivedReject(request, from: key, now: now)
        case .extended(.turns(let areGiven)): receivedTurns(areGiven, from: key, now: now)
        case .extended(.turn(let piece)): receivedTurn(piece, from: key, now: now)
        case .extended(.turnOver): receivedTurnOver(from: key, now: now)
        case .extended(.claim(let piece, let number)): receivedClaim(piece, number: number, from: key, now: now)
        case .suggest(let piece): receivedSuggest(piece, from: key, now: now)
        case .allowedFast(let piece): receivedAllowedFast(piece, from: key, now: now)
        case .extended(.dontHave(let piece)): receivedDontHave(piece, from: key, now: now)
        case .extended(.uploadOnly(let flag)):
            peers[key]?.isUploadOnly = flag
            dropIfRedundant(key)
        case .extended, .hashRequest, .hashes, .hashReject: break
        }
    }

    private mutating func receivedReject(_ request: BlockRequest, from key: PeerKey, now: Double) {
        guard let peer = peers.place(of: key) else { return }
        let span = BlockSpan(piece: Int(request.index), begin: Int(request.begin), length: Int(request.length))
        guard peers[peer].outstanding.contains(where: { $0.span == span }) else {
            if let index = peers[peer].forgotten.firstIndex(of: span) {
                peers[peer].forgotten.remove(at: index)
            } else {
                violation(key, "reject of what was not asked for")
            }
            return
        }
        rejected(span, by: key, now: now)
    }

    /// To be called a few times a second.
    public mutating func tick(now: Double) {
        looks.refill()
        freeSlots.forget()
        lookAtUplink(now: now)
        lookAtPrecedence(now: now)
        lookAtTurns(now: now)
        rechoke(now: now)
        if isFinished {
            dispatcher?.reclaim(givenBefore: now - configuration.assignmentPatience)
            dispatchAll(now: now)
            revealIfSpread()
        } else {
            lookAtSites(now: now)
            for key in peers.keys {
                dropLostRequests(of: key, now: now)
                judgeProgress(of: key, now: now)
            }
            refillAll(now: now)
        }
    }

    /// Progress is required, not activity: a byte now and then is none.
    private mutating func judgeProgress(of key: PeerKey, now: Double) {
        guard let place = peers.place(of: key) else { return }
        let waited = now - peers[place].lastProgressAt
        guard peers[place].outstandingBytes > 0 else {
            // A seed that gives nothing more out is asked like any other.
            if peers[place].isDispatching, waited > configuration.dispatchPatience {
                peers[place].isDispatching = false
                updateHolder(key)
            }
            return
        }
        if waited > configuration.dropAfter { return actions.append(.disconnect(key, .stalled)) }
        guard waited > configuration.snubAfter, !peers[place].isSnubbed, let peer = peers[key] else { return }
        peers[key]?.isSnubbed = true
        peers[key]?.window.collapse()
        for request in peer.outstanding where !request.isCancelled {
            forget(request, of: key)
            actions.append(.divert(key, request.span))
            cancel(request, of: key)
        }
        giveUpExclusive(of: key)
        refillAll(now: now)
    }

    // MARK: What is shown to people

    /// Bytes per second from and to peers.
    public mutating func rates(now: Double) -> (down: Double, up: Double) {
        (downloadMeter.rate(now), uploadMeter.rate(now))
    }

    /// Bytes of blocks taken and given since the beginning, what was wasted included.
    public var transferred: (down: Int64, up: Int64) { (downloadMeter.total, uploadMeter.total) }

    /// Bytes per second that one peer gives and gets.
    public mutating func rates(of key: PeerKey, now: Double) -> (down: Double, up: Double) {
        (peers[key]?.window.currentRate(now) ?? 0, peers[key]?.uploadMeter.rate(now) ?? 0)
    }

    /// Whether a peer has every piece.
    public func isSeed(_ key: PeerKey) -> Bool { peers[key]?.holdings.isFull ?? false }
}

import Metainfo
import PeerWire

/// Received messages and the passage of time.
extension SwarmMachine {
    /// Handles any message except block data. The decoder has checked the rules of the wire protocol.
    public mutating func received(_ message: Message, from key: PeerKey, now: Double) {
        // The most frequent message first, without reading the whole peer state.
        if case .have(let piece) = message { return receivedHave(piece, from: key, now: now) }
        guard swarm.peers.place(of: key) != nil else { return }
        switch message {
        case .keepAlive, .port: break
        case .choke: planner.receivedChoke(from: key, &swarm, &sites, now: now)
        case .unchoke: receivedUnchoke(from: key, now: now)
        case .interested: uploads.receivedInterest(true, from: key, &swarm, planner.picker.availability, now: now)
        case .notInterested: uploads.receivedInterest(false, from: key, &swarm, planner.picker.availability, now: now)
        case .have(let piece): receivedHave(piece, from: key, now: now)
        case .bitfield(let bytes):
            guard let holdings = PieceSet(wire: bytes, size: swarm.layout.pieceCount) else {
                return swarm.violation(key, "bitfield of a wrong size or with spare bits")
            }
            receivedHoldings(holdings, from: key, now: now)
        case .haveAll: receivedHoldings(PieceSet(full: swarm.layout.pieceCount), from: key, now: now)
        case .haveNone: receivedHoldings(PieceSet(size: swarm.layout.pieceCount), from: key, now: now)
        case .request(let request):
            uploads.receivedRequest(request, from: key, &swarm, planner.picker.availability, now: now)
        case .cancel(let request):
            uploads.receivedCancel(request, from: key, &swarm, planner.picker.availability, now: now)
        case .reject(let request): receivedReject(request, from: key, now: now)
        case .extended(.grants(let areGiven)): receivedGranting(areGiven, from: key, now: now)
        case .extended(.grant(let piece)): receivedGrant(piece, from: key, now: now)
        case .extended(.grantOver): uploads.receivedGrantOver(from: key, &swarm, planner.picker.availability, now: now)
        case .extended(.claim(let piece, let number)): receivedClaim(piece, number: number, from: key, now: now)
        case .extended(.lacks(let piece)): uploads.receivedLack(of: piece, from: key, &swarm, now: now)
        case .suggest(let piece): receivedSuggest(piece, from: key, now: now)
        case .allowedFast(let piece): receivedAllowedFast(piece, from: key, now: now)
        case .extended(.dontHave(let piece)): receivedDontHave(piece, from: key, now: now)
        case .extended(.uploadOnly(let flag)):
            swarm.peers[key]?.isUploadOnly = flag
            swarm.dropIfRedundant(key)
        case .extended, .hashRequest, .hashes, .hashReject: break
        }
    }

    /// Call a few times a second.
    public mutating func tick(now: Double) {
        swarm.flood.looks.refill()
        uploads.tick(&swarm, planner.picker.availability, now: now)
        guard !swarm.isFinished else { return }
        sites.tick(open: planner.open.order, &swarm, now: now)
        for key in swarm.peers.keys {
            planner.dropLostRequests(of: key, &swarm, &sites, now: now)
            planner.judgeProgress(of: key, &swarm, &sites, now: now)
        }
        planner.refillAll(&swarm, &sites, now: now)
    }

    private mutating func receivedReject(_ request: BlockRequest, from key: PeerKey, now: Double) {
        guard let peer = swarm.peers.place(of: key) else { return }
        let span = BlockSpan(piece: Int(request.index), begin: Int(request.begin), length: Int(request.length))
        guard swarm.peers[peer].outstanding.contains(where: { $0.span == span }) else {
            if let index = swarm.peers[peer].forgotten.firstIndex(of: span) {
                swarm.peers[peer].forgotten.remove(at: index)
            } else {
                swarm.violation(key, "reject of what was not asked for")
            }
            return
        }
        rejected(span, by: key, now: now)
    }

    private mutating func receivedClaim(_ raw: UInt32, number: UInt32, from key: PeerKey, now: Double) {
        guard let piece = sites.received(claim: raw, number: number, from: key, &swarm, now: now) else { return }
        planner.giveWay(piece, &swarm, &sites)
    }

    private mutating func receivedUnchoke(from key: PeerKey, now: Double) {
        guard let peer = swarm.peers.place(of: key), swarm.peers[peer].isChokingUs else { return }
        swarm.peers[peer].isChokingUs = false
        planner.refillIfAffordable(key, &swarm, &sites, now: now)
    }

    private mutating func receivedSuggest(_ raw: UInt32, from key: PeerKey, now: Double) {
        guard let piece = swarm.layout.piece(Int(raw))?.value else {
            return swarm.violation(key, "suggestion of a piece out of range")
        }
        guard let peer = swarm.peers[key], swarm.isMissing(piece), peer.holdings.contains(piece),
            peer.suggested.count < 1024
        else { return }
        let isNew = !peer.suggested.contains(piece)
        if isNew { swarm.peers[key]?.suggested.append(piece) }
        if peer.traits.followsSuggestions {
            swarm.peers[key]?.isDispatching = true
            planner.updateHolder(key, &swarm, &sites)
        }
        if isNew {
            planner.refill(key, &swarm, &sites, now: now)
        } else {
            planner.refillIfAffordable(key, &swarm, &sites, now: now)
        }
    }

    private mutating func receivedAllowedFast(_ raw: UInt32, from key: PeerKey, now: Double) {
        guard let piece = swarm.layout.piece(Int(raw))?.value else {
            return swarm.violation(key, "allowed fast piece out of range")
        }
        guard let count = swarm.peers[key]?.allowedFast.count, count < 64 else { return }
        guard swarm.isMissing(piece), swarm.peers[key]?.allowedFast.insert(piece).inserted == true else { return }
        planner.refill(key, &swarm, &sites, now: now)
    }

    // MARK: Upload grants of others

    /// The peer announces that it answers requests only with a grant from now on, or again without one.
    private mutating func receivedGranting(_ grants: Bool, from key: PeerKey, now: Double) {
        guard let peer = swarm.peers.place(of: key), swarm.peers[peer].traits.supportsGrants,
            swarm.peers[peer].grants.issuesGrants != grants || swarm.peers[peer].grants.areNamed
        else { return }
        swarm.peers[peer].grants.issuesGrants = grants
        swarm.peers[peer].grants.areNamed = false
        if grants {
            swarm.peers[peer].suggested = []
            swarm.peers[peer].isDispatching = false
        }
        planner.updateHolder(key, &swarm, &sites)
        if !grants { planner.refillIfAffordable(key, &swarm, &sites, now: now) }
    }

    /// The peer's uplink is free for one piece: the piece that it names, or else the rarest that it has.
    private mutating func receivedGrant(_ raw: UInt32?, from key: PeerKey, now: Double) {
        guard let peer = swarm.peers.place(of: key) else { return }
        if let raw, swarm.layout.piece(Int(raw)) == nil {
            return swarm.violation(key, "turn of a piece out of range")
        }
        if swarm.peers[peer].grants.areNamed != (raw != nil) {
            swarm.peers[peer].grants.areNamed = raw != nil
            planner.updateHolder(key, &swarm, &sites)
        }
        if !swarm.isFinished, swarm.asksPeers, swarm.flood.looks.spend(planner.open.order.count) {
            planner.useGrant(raw.map(Int.init), of: peer, &swarm, &sites, now: now)
        }
        swarm.send(key, .extended(.grantOver))
    }
}

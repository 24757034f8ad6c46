import Metainfo
import PeerWire

/// How much to request from each peer, and which requests to take back.
extension RequestPlanner {
    private enum Constant {
        /// Number of pieces in flight with which we pass on a grant, and seconds after which a piece no longer counts:
        /// its source is slow, and other peers should fill our downlink.
        static let enough = 7
        static let young = 1.5
        /// Seconds of our download rate that may be in flight in any case.
        static let enoughTime = 0.25
    }

    /// In a flood of messages that call for it, the next tick does it.
    mutating func refillAll(_ swarm: inout SwarmState, _ sites: inout SiteClaims, now: Double) {
        guard swarm.flood.looks.spend(swarm.peers.count) else { return }
        for key in swarm.peers.keys { refill(key, &swarm, &sites, now: now) }
    }

    /// Like `refill`, for one peer and a message that it can repeat.
    mutating func refillIfAffordable(
        _ key: PeerKey, _ swarm: inout SwarmState, _ sites: inout SiteClaims, now: Double
    ) {
        if swarm.flood.looks.spend(open.order.count) { refill(key, &swarm, &sites, now: now) }
    }

    /// Keeps as many requests outstanding as the peer's window allows.
    mutating func refill(_ key: PeerKey, _ swarm: inout SwarmState, _ sites: inout SiteClaims, now: Double) {
        // Most calls end here.
        guard !swarm.isFinished, let peer = swarm.peers.place(of: key), swarm.peers[peer].wantedCount > 0 else {
            return
        }
        if swarm.peers[peer].isChokingUs, swarm.peers[peer].allowedFast.isEmpty { return }
        if swarm.peers[peer].grants.issuesGrants { return }
        guard swarm.peers[peer].outstandingBytes < swarm.peers[peer].window.target,
            now >= swarm.peers[peer].askAgainAt
        else { return }
        if !swarm.asksPeers && !swarm.peers[peer].traits.isWebSeed { return }
        let most = max(1, swarm.peers[peer].traits.requestQueue)
        let run = swarm.peers[peer].window.runLength(
            limit: swarm.peers[peer].traits.longestRequest / swarm.configuration.blockLength,
            connections: swarm.peers[peer].connectionCount, requests: most, now: now)
        // If all buffers are in use and all blocks requested, only a peer without outstanding requests may duplicate a
        // request.
        if open.freeBlocks == 0, open.bytes >= open.mostBytes, !swarm.peers[peer].outstanding.isEmpty { return }
        while swarm.peers[peer].outstandingBytes < swarm.peers[peer].window.target,
            swarm.peers[peer].outstanding.count < most
        {
            guard let span = next(for: peer, run: run, &swarm, &sites, now: now) else { break }
            ask(key, span, &swarm, &sites, now: now)
        }
    }

    /// Uses an upload grant of a peer for one piece: requests all of the piece at once.
    mutating func useGrant(
        _ named: Int?, of peer: PeerTable.Place, _ swarm: inout SwarmState, _ sites: inout SiteClaims, now: Double
    ) {
        guard !swarm.peers[peer].isChokingUs, now >= swarm.peers[peer].askAgainAt else { return }
        // No other peer has a piece that a seed names.
        if named == nil, hasEnoughComing(peer, &swarm, now: now) { return }
        let unit = swarm.configuration.blockLength
        let most = max(1, swarm.peers[peer].traits.requestQueue)
        // All of it comes from this peer, one block after the other: each costs a request, a header and a call at both ends, and
        // short ones leave in short packets.
        let run = max(1, swarm.peers[peer].traits.longestRequest / unit)
        guard swarm.peers[peer].outstanding.count < most,
            let first = firstOfGrant(named, of: peer, run: run, &swarm, &sites, now: now)
        else { return }
        let key = swarm.peers[peer].key
        ask(key, first, &swarm, &sites, now: now)
        while swarm.peers[peer].outstanding.count < most,
            let next = takeFree(first.piece, for: peer, run: run, &swarm, &sites)
        {
            ask(key, next, &swarm, &sites, now: now)
        }
    }

    /// Whether enough is in flight to fill our downlink for a while. Another peer may have a free downlink and could
    /// pass on the piece sooner.
    private func hasEnoughComing(_ peer: PeerTable.Place, _ swarm: inout SwarmState, now: Double) -> Bool {
        guard open.order.count >= Constant.enough, !picker.isEmpty else { return false }
        var young = 0
        for piece in open.order.reversed() {
            guard let place = open.place(of: piece), now - open[place].openedAt < Constant.young else { break }
            if !open[place].isVerifying { young += 1 }
        }
        let time = Constant.enoughTime + 2 * swarm.peers[peer].traits.longRoundTrip
        let rate = swarm.traffic.download.rate(now)
        return young >= max(Constant.enough, Int(rate * time) / swarm.layout.pieceLength)
    }

    private func ask(
        _ key: PeerKey, _ span: BlockSpan, _ swarm: inout SwarmState, _ sites: inout SiteClaims, now: Double
    ) {
        guard let peer = swarm.peers.place(of: key) else { return }
        if swarm.peers[peer].outstanding.isEmpty { swarm.peers[peer].lastProgressAt = now }
        swarm.peers[peer].outstanding.append(OutstandingRequest(span: span, sentAt: now))
        swarm.peers[peer].outstandingBytes += span.length
        swarm.peers[peer].lastPiece = span.piece
        if sites.isFar(peer, &swarm) { sites.claim(span.piece, &swarm, now: now) }
        if swarm.peers[peer].traits.isWebSeed {
            swarm.actions.append(.fetch(key, span))
        } else {
            swarm.send(key, .request(span.wire))
        }
    }

    // MARK: Requests taken back

    /// Frees the blocks of a request that will not be answered, whether or not its data was arriving.
    mutating func release(_ request: OutstandingRequest, of key: PeerKey) {
        guard !request.isCancelled else { return }
        open[request.span.piece]?.stopReceiving(request.span, from: key)
        open[request.span.piece]?.release(request.span)
    }

    /// Takes requests back from the peer, if `isConcerned` returns true for their piece, to send them to other peers.
    mutating func withdrawRequests(
        from key: PeerKey, _ swarm: inout SwarmState, _ sites: inout SiteClaims, _ isConcerned: (Int) -> Bool
    ) {
        guard let peer = swarm.peers[key] else { return }
        for request in peer.outstanding where !request.isCancelled && isConcerned(request.span.piece) {
            release(request, of: key)
            swarm.actions.append(.divert(key, request.span))
            swarm.cancel(request, of: key)
        }
        if open.order.contains(where: { open[$0]?.exclusiveOwner == key && isConcerned($0) }) {
            giveUpExclusive(of: key, &swarm, &sites)
        }
    }

    /// If this peer was to send suspect pieces alone and does not, they begin anew with another peer, so that there is
    /// still one culprit if they fail again.
    /// - Parameter isConcerned: whether a piece is given up.
    mutating func giveUpExclusive(
        of key: PeerKey, _ swarm: inout SwarmState, _ sites: inout SiteClaims,
        _ isConcerned: (Int) -> Bool = { _ in true }
    ) {
        for piece in open.order where isConcerned(piece) {
            guard let place = open.place(of: piece), open[place].exclusiveOwner == key, !open[place].isVerifying
            else { continue }
            for request in swarm.peers[key]?.outstanding ?? []
            where request.span.piece == piece && !request.isCancelled {
                swarm.actions.append(.divert(key, request.span))
                swarm.cancel(request, of: key)
            }
            swarm.traffic.wastedBytes += Int64(open[piece]?.receivedBytes ?? 0)
            close(piece, &swarm, &sites)
            picker.insert(piece)
        }
    }

    /// Another host of our site has the piece, or continues to download it. Cancels our requests to far peers for it,
    /// unless their data is already arriving.
    mutating func giveWay(_ piece: Int, _ swarm: inout SwarmState, _ sites: inout SiteClaims) {
        guard let place = open.place(of: piece), !open[place].isVerifying, open[place].exclusiveOwner == nil,
            sites.disown(piece)
        else { return }
        for key in swarm.peers.keys {
            guard let peer = swarm.peers.place(of: key), sites.isFar(peer, &swarm),
                swarm.peers[peer].outstandingBytes > 0
            else { continue }
            for request in swarm.peers[peer].outstanding
            where request.span.piece == piece && !request.isCancelled
                && !open[place].isReceiving(request.span, from: key)
            {
                release(request, of: key)
                swarm.cancel(request, of: key)
            }
        }
        guard open[place].isUntouched else { return }
        close(piece, &swarm, &sites)
        picker.insert(piece)
    }

    /// Updates whether the pieces of a near peer count as present at our site, see ``SiteClaims/updateHolder(_:_:)``.
    mutating func updateHolder(_ key: PeerKey, _ swarm: inout SwarmState, _ sites: inout SiteClaims) {
        for piece in sites.updateHolder(key, &swarm) { giveWay(piece, &swarm, &sites) }
    }

    /// Sends requests again that will not be answered, because a connection to the peer was lost or later requests were
    /// answered first.
    mutating func dropLostRequests(
        of key: PeerKey, _ swarm: inout SwarmState, _ sites: inout SiteClaims, now: Double
    ) {
        guard let place = swarm.peers.place(of: key), let further = swarm.peers[place].further,
            let peer = swarm.peers[key]
        else { return }
        let due = further.losses.last { $0.dueAt <= now }?.at ?? -.infinity
        if due > -.infinity { swarm.peers[key]?.further?.losses.removeAll { $0.dueAt <= now } }
        let overtaken = further.newestAnswered - FurtherConnectionsState.overtaken
        let isSilent = now - peer.lastProgressAt > FurtherConnectionsState.silence
        let limit = max(due, overtaken, isSilent ? now - FurtherConnectionsState.silence : -.infinity)
        guard limit > -.infinity else { return }
        let lost = peer.outstanding.filter { request in
            request.sentAt <= limit && open[request.span.piece]?.isReceiving(request.span, from: key) != true
        }
        for request in lost {
            swarm.send(key, .cancel(request.span.wire))
            drop(request, of: key, &swarm)
        }
        if !lost.isEmpty { refillAll(&swarm, &sites, now: now) }
    }

    mutating func drop(_ request: OutstandingRequest, of key: PeerKey, _ swarm: inout SwarmState) {
        guard let index = swarm.peers[key]?.outstanding.firstIndex(where: { $0.span == request.span }) else { return }
        swarm.peers[key]?.outstanding.remove(at: index)
        swarm.peers[key]?.outstandingBytes -= request.span.length
        release(request, of: key)
        swarm.remember(request.span, of: key)
    }
}

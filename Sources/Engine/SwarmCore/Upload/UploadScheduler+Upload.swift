import Metainfo
import PeerWire

/// Choking, and the requests that peers send us.
extension UploadScheduler {
    mutating func receivedInterest(
        _ interested: Bool, from key: PeerKey, _ swarm: inout SwarmState, _ availability: [UInt16], now: Double
    ) {
        guard let peer = swarm.peers.place(of: key) else { return }
        swarm.heardNothingNew(from: peer, now: now)
        guard swarm.flood.flooder != key, swarm.peers[peer].isInterested != interested else { return }
        swarm.peers[peer].isInterested = interested
        let isServed = !swarm.peers[peer].amChoking && !grants.serve(key, &swarm)
        if isServed { freeSlots.taken(interested ? 1 : -1) }
        if interested {
            swarm.egress?.asks(key, now: now)
            swarm.peers[peer].waitingSince = now
            nextChokeAt = min(nextChokeAt, now)
            if grants.isGiving, swarm.peers[peer].traits.supportsGrants {
                if !swarm.peers[peer].grants.isTold, grants.mayTell(key, peer, &swarm, dispatcher) {
                    grants.announce(to: key, &swarm)
                }
                if swarm.isServing { unchoke(key, &swarm, availability, now: now) }
                // In a flood, the next tick issues the grants.
                guard swarm.flood.looks.spend(swarm.peers.count) else { return }
                grants.wake()
                return grants.issue(&swarm, &dispatcher, availability, now: now)
            }
            if !isServed, hasFreeSlot(&swarm) { unchoke(key, &swarm, availability, now: now) }
        } else if !swarm.peers[peer].amChoking && !swarm.peers[peer].traits.supportsFast {
            // The peer keeps its slot until another peer needs it: the next round of choking decides.
            nextChokeAt = min(nextChokeAt, now)
        }
    }

    private mutating func hasFreeSlot(_ swarm: inout SwarmState) -> Bool {
        if let free = freeSlots.count { return free > 0 }
        let served = swarm.peers.keys.count { key in
            !grants.serve(key, &swarm)
                && swarm.peers.place(of: key).map { !swarm.peers[$0].amChoking && swarm.peers[$0].isInterested }
                    ?? false
        }
        let slots = slots(&swarm)
        freeSlots.counted(slots - served)
        return served < slots
    }

    private func slots(_ swarm: inout SwarmState) -> Int {
        guard swarm.isServing else { return 0 }
        return choker.slots(
            uplink: uplink.estimate.measured, others: swarm.uplinksOfOthers, pieceLength: swarm.layout.pieceLength)
    }

    mutating func rechoke(_ swarm: inout SwarmState, _ availability: [UInt16], now: Double) {
        guard now >= nextChokeAt else { return }
        nextChokeAt = now + choker.limits.period
        var candidates: [Choker.Candidate] = []
        for key in swarm.peers.keys {
            guard let peer = swarm.peers.place(of: key), swarm.peers[peer].isInterested,
                !swarm.peers[peer].isUploadOnly || !swarm.peers[peer].holdings.isFull
            else { continue }
            if grants.serve(key, &swarm) {
                if swarm.isServing {
                    unchoke(key, &swarm, availability, now: now)
                } else {
                    choke(key, &swarm, now: now)
                }
                continue
            }
            let givesRate = swarm.peers[peer].window.currentRate(now)
            let takesRate = swarm.peers[peer].uploadMeter.rate(now)
            candidates.append(
                Choker.Candidate(
                    key: key, isUnchoked: !swarm.peers[peer].amChoking, givesRate: givesRate, takesRate: takesRate,
                    since: swarm.peers[peer].waitingSince))
        }
        // While dispatching, a choked peer would be the only one to have its pieces, and could not pass on more until
        // it is unchoked again.
        let rotates = !isDispatching
        let chosen =
            swarm.isServing
            ? choker.choose(candidates, slots: slots(&swarm), isSeed: swarm.isFinished, rotates: rotates) : []
        for candidate in candidates {
            if chosen.contains(candidate.key) {
                unchoke(candidate.key, &swarm, availability, now: now)
            } else {
                choke(candidate.key, &swarm, now: now)
            }
        }
    }

    private mutating func unchoke(_ key: PeerKey, _ swarm: inout SwarmState, _ availability: [UInt16], now: Double) {
        guard let peer = swarm.peers.place(of: key), swarm.peers[peer].amChoking else { return }
        swarm.peers[peer].amChoking = false
        if swarm.peers[peer].isInterested, !grants.serve(key, &swarm) { freeSlots.taken(1) }
        swarm.peers[peer].waitingSince = now
        // Suggestions come first, so that the peer's first requests are already for its own pieces.
        if swarm.isFinished { dispatch(key, &swarm, availability, now: now) }
        swarm.send(key, .unchoke)
    }

    private mutating func choke(_ key: PeerKey, _ swarm: inout SwarmState, now: Double) {
        guard let peer = swarm.peers.place(of: key), !swarm.peers[peer].amChoking else { return }
        let waiting = swarm.peers[peer].uploads[swarm.peers[peer].uploadHead...]
        swarm.peers[peer].amChoking = true
        if swarm.peers[peer].isInterested, !grants.serve(key, &swarm) { freeSlots.taken(-1) }
        swarm.peers[peer].waitingSince = now
        swarm.peers[peer].dropUploads()
        grants.revoke(from: key, &swarm, &dispatcher)
        swarm.send(key, .choke)
        dropHeld(of: key, &swarm)
        for span in waiting { unspend(span, of: key, &swarm) }
        guard swarm.peers[peer].traits.supportsFast else { return }
        for span in waiting { swarm.send(key, .reject(span.wire)) }
    }

    mutating func receivedRequest(
        _ request: BlockRequest, from key: PeerKey, _ swarm: inout SwarmState, _ availability: [UInt16], now: Double
    ) {
        guard let peer = swarm.peers.place(of: key) else { return }
        guard let span = checked(request, &swarm) else {
            return swarm.violation(key, "request out of range")
        }
        let isServed =
            swarm.canServe(span.piece) && isShown(span.piece, to: key, &swarm) && !swarm.peers[peer].amChoking
            && !grants.areExceeded(by: span, of: peer, &swarm)
        guard isServed, swarm.peers[peer].uploadCount < swarm.configuration.requestQueue else {
            if swarm.peers[peer].traits.supportsFast { return swarm.send(key, .reject(request)) }
            if swarm.peers[peer].uploadCount >= 2 * swarm.configuration.requestQueue {
                swarm.violation(key, "too many requests")
            }
            // Choked in the meantime: the request crossed our choke. This is no violation, and the request is dropped
            // (BEP 3).
            return
        }
        if swarm.egress != nil, !isWithinBudget(span, of: key, peer, &swarm, availability, now: now) {
            return hold(span, of: key, peer, &swarm)
        }
        accept(span, of: key, peer, &swarm, availability, now: now)
    }

    mutating func accept(
        _ span: BlockSpan, of key: PeerKey, _ peer: PeerTable.Place, _ swarm: inout SwarmState,
        _ availability: [UInt16], now: Double
    ) {
        if dispatcher?.hasGivenAll == false || swarm.egress != nil,
            dispatcher?.isAssigned(span.piece, to: key) == false
        {
            dispatcher?.isTaken(span.piece)
        }
        swarm.peers[peer].uploads.append(span)
        grants.queued(span.length, of: peer, &swarm, &dispatcher, availability, now: now)
        if swarm.peers[peer].uploadCount == 1 { swarm.actions.append(.upload(key)) }
    }

    private func checked(_ request: BlockRequest, _ swarm: inout SwarmState) -> BlockSpan? {
        guard let piece = swarm.layout.piece(Int(request.index)), request.length > 0,
            Int(request.length) <= swarm.configuration.longestRequest
        else { return nil }
        // If files are aligned to pieces (v2 only), libtorrent requests beyond the end of a file, to the end of the
        // block. The rest is zeros.
        let end = swarm.layout.alignsFiles ? swarm.layout.pieceLength : swarm.layout.length(of: piece)
        guard Int(request.begin) + Int(request.length) <= end else { return nil }
        return BlockSpan(piece: piece.value, begin: Int(request.begin), length: Int(request.length))
    }

    mutating func receivedCancel(
        _ request: BlockRequest, from key: PeerKey, _ swarm: inout SwarmState, _ availability: [UInt16], now: Double
    ) {
        guard let peer = swarm.peers[key], let span = checked(request, &swarm) else { return }
        if swarm.egress != nil, cancelHeld(span, of: key, &swarm) { return }
        guard let index = peer.uploads[peer.uploadHead...].firstIndex(of: span) else { return }
        swarm.peers[key]?.uploads.remove(at: index)
        unspend(span, of: key, &swarm)
        if let place = swarm.peers.place(of: key) {
            grants.queued(-span.length, of: place, &swarm, &dispatcher, availability, now: now)
        }
        if peer.traits.supportsFast { swarm.send(key, .reject(request)) }
    }

    /// Call when bytes of blocks were written to a peer's socket.
    mutating func uploaded(
        _ bytes: Int, to key: PeerKey, _ swarm: inout SwarmState, _ availability: [UInt16], now: Double
    ) {
        if let peer = swarm.peers.place(of: key) {
            swarm.peers[peer].uploadMeter.add(bytes, now: now)
            precedence.sent(bytes, goesFirst: swarm.peers[peer].goesFirst)
        }
        swarm.traffic.upload.add(bytes, now: now)
        guard grants.isGiving, let peer = swarm.peers.place(of: key) else { return }
        grants.sent(bytes)
        grants.queued(-bytes, of: peer, &swarm, &dispatcher, availability, now: now)
    }

    /// Call when a block of ``SwarmMachine/nextUpload(to:)`` cannot be sent.
    mutating func uploadFailed(
        _ span: BlockSpan, to key: PeerKey, _ swarm: inout SwarmState, _ availability: [UInt16], now: Double
    ) {
        guard let peer = swarm.peers.place(of: key) else { return }
        unspend(span, of: key, &swarm)
        grants.queued(-span.length, of: peer, &swarm, &dispatcher, availability, now: now)
    }
}

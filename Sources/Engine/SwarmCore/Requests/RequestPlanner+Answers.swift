import Hashing
import Metainfo
import PeerWire

/// Answers to requests, and finished pieces.
extension RequestPlanner {
    mutating func beginBlock(
        _ span: BlockSpan, from key: PeerKey, _ swarm: inout SwarmState
    ) -> SwarmMachine.Placement {
        guard let peer = swarm.peers.place(of: key) else { return .discard }
        guard let request = swarm.peers[peer].outstanding.first(where: { $0.span == span }) else {
            guard let index = swarm.peers[peer].forgotten.firstIndex(of: span) else { return .violation }
            swarm.peers[peer].forgotten.remove(at: index)
            return .discard
        }
        guard !request.isCancelled, let piece = open.place(of: span.piece), !open[piece].isVerifying
        else { return .discard }
        if open[piece].beginReceiving(span, from: key) { return .buffer }
        return open[piece].hasReceived(span) ? .discard : .aside
    }

    /// - Returns: whether to copy a block from its separate buffer into the piece's buffer now.
    mutating func finishBlock(
        _ span: BlockSpan, from key: PeerKey, placement: SwarmMachine.Placement, _ swarm: inout SwarmState,
        _ sites: inout SiteClaims, now: Double
    ) -> Bool {
        guard let request = swarm.takeRequest(span, of: key) else {
            swarm.traffic.wastedBytes += Int64(span.length)
            return false
        }
        if let peer = swarm.peers.place(of: key) {
            if sites.members > 0, !swarm.peers[peer].traits.isWebSeed {
                sites.supply.received(span.length, fromNear: swarm.peers[peer].isNear)
            }
            swarm.peers[peer].answered(request, now: now)
        }
        swarm.traffic.download.add(span.length, now: now)
        var copies = false
        if placement == .buffer || placement == .aside, !request.isCancelled,
            let piece = open.place(of: span.piece), !open[piece].isVerifying
        {
            copies = placement == .aside
            for slower in open[piece].receivers(of: span, otherThan: key) {
                open[piece].stopReceiving(span, from: slower)
                swarm.actions.append(.divert(slower, span))
            }
            if open[piece].markReceived(span, from: key) {
                swarm.traffic.acceptedBytes += Int64(span.length)
                cancelOthers(span, except: key, &swarm)
                if open[piece].isComplete { verify(span.piece, &swarm) }
            } else {
                swarm.traffic.wastedBytes += Int64(span.length)
            }
        } else {
            swarm.traffic.wastedBytes += Int64(span.length)
        }
        refill(key, &swarm, &sites, now: now)
        return copies
    }

    /// Cancels requests for the same block to other peers, from the end game.
    private func cancelOthers(_ span: BlockSpan, except key: PeerKey, _ swarm: inout SwarmState) {
        guard picker.isEmpty || open.bytes + swarm.layout.pieceLength > open.mostBytes else { return }
        for other in swarm.peers.keys where other != key {
            guard let peer = swarm.peers.place(of: other), swarm.peers[peer].outstandingBytes >= span.length else {
                continue
            }
            for request in swarm.peers[peer].outstanding where request.span == span && !request.isCancelled {
                swarm.cancel(request, of: other)
            }
        }
    }

    /// Handles a reject of a peer (BEP 6), or a web seed that cannot answer a request.
    mutating func rejected(
        _ span: BlockSpan, by key: PeerKey, _ swarm: inout SwarmState, _ sites: inout SiteClaims, now: Double
    ) {
        guard let request = swarm.takeRequest(span, of: key) else { return }
        release(request, of: key)
        swarm.peers[key]?.suggested.removeAll { $0 == span.piece }
        swarm.peers[key]?.allowedFast.remove(span.piece)
        if !request.isCancelled {
            pauseAfterReject(key, &swarm, now: now)
            // Of pieces that it is still to answer for it says nothing.
            let asked = swarm.peers[key]?.outstanding ?? []
            giveUpExclusive(of: key, &swarm, &sites) { piece in
                piece == span.piece || !asked.contains { $0.span.piece == piece && !$0.isCancelled }
            }
        }
        refillAll(&swarm, &sites, now: now)
    }

    /// Delays the next request. Otherwise requests and rejects would alternate as fast as the uplink allows. Rejects
    /// that arrive together count as one.
    private func pauseAfterReject(_ key: PeerKey, _ swarm: inout SwarmState, now: Double) {
        guard let peer = swarm.peers[key], !peer.isChokingUs, !peer.grants.issuesGrants, !peer.traits.isWebSeed,
            now >= peer.askAgainAt
        else { return }
        let pause = swarm.configuration.rejectPause * Double(1 << min(peer.rejects, 16))
        swarm.peers[key]?.askAgainAt = now + min(pause, swarm.configuration.longestRejectPause)
        swarm.peers[key]?.rejects = peer.rejects + 1
    }

    mutating func receivedChoke(
        from key: PeerKey, _ swarm: inout SwarmState, _ sites: inout SiteClaims, now: Double
    ) {
        // A repeated choke changes nothing.
        guard let peer = swarm.peers[key], !peer.isChokingUs else { return }
        swarm.peers[key]?.isChokingUs = true
        // With the fast extension, every request is still answered with data or a reject.
        if !peer.traits.supportsFast {
            swarm.peers[key]?.outstanding = []
            swarm.peers[key]?.outstandingBytes = 0
            for request in peer.outstanding {
                release(request, of: key)
                swarm.remember(request.span, of: key)
            }
        }
        giveUpExclusive(of: key, &swarm, &sites)
        refillAll(&swarm, &sites, now: now)
    }

    /// Checks that the peer makes progress: finished requests count, single bytes do not.
    mutating func judgeProgress(
        of key: PeerKey, _ swarm: inout SwarmState, _ sites: inout SiteClaims, now: Double
    ) {
        guard let place = swarm.peers.place(of: key) else { return }
        let waited = now - swarm.peers[place].lastProgressAt
        guard swarm.peers[place].outstandingBytes > 0 else {
            // A seed that no longer dispatches pieces is asked like any other peer.
            if swarm.peers[place].isDispatching, waited > swarm.configuration.dispatchPatience {
                swarm.peers[place].isDispatching = false
                updateHolder(key, &swarm, &sites)
            }
            return
        }
        if waited > swarm.configuration.dropAfter { return swarm.actions.append(.disconnect(key, .stalled)) }
        guard waited > min(swarm.configuration.lackAfter, swarm.configuration.snubAfter),
            !swarm.peers[place].isSnubbed
        else { return }
        let origins = swarm.peers.keys.filter { other in
            other != key
                && swarm.peers.place(of: other).map {
                    swarm.peers[$0].traits.hearsLacks && !swarm.peers[$0].isSnubbed
                } ?? false
        }
        guard waited > swarm.configuration.snubAfter || !origins.isEmpty else { return }
        swarm.peers[place].isSnubbed = true
        swarm.peers[place].window.collapse()
        tellLacks(of: key, to: origins, &swarm)
        withdrawRequests(from: key, &swarm, &sites) { _ in true }
        refillAll(&swarm, &sites, now: now)
    }

    /// Tells origins which pieces a peer does not deliver, if the peer is none of them.
    private func tellLacks(of key: PeerKey, to origins: [PeerKey], _ swarm: inout SwarmState) {
        guard let peer = swarm.peers[key], !peer.traits.hearsLacks, !peer.traits.isWebSeed else { return }
        var pieces: [Int] = []
        for request in peer.outstanding where !request.isCancelled && pieces.last != request.span.piece {
            if !pieces.contains(request.span.piece) { pieces.append(request.span.piece) }
        }
        for origin in origins {
            for piece in pieces where swarm.peers[origin]?.holdings.contains(piece) == true {
                swarm.send(origin, .extended(.lacks(UInt32(truncatingIfNeeded: piece))))
            }
        }
    }

    // MARK: Whole pieces

    mutating func verify(_ piece: Int, _ swarm: inout SwarmState) {
        open[piece]?.isVerifying = true
        swarm.actions.append(.verify(PieceIndex(unchecked: piece), digests: ledger.isSuspect(piece)))
    }

    /// The state of a piece that has been verified. It is no longer open.
    struct Judged {
        let piece: OpenPiece
        /// Whether all buffers were in use, so that more can be requested now.
        let wasFull: Bool
    }

    mutating func takeJudgedPiece(_ piece: Int, _ swarm: inout SwarmState, _ sites: inout SiteClaims) -> Judged? {
        guard let state = open[piece], state.isVerifying else { return nil }
        let wasFull = open.bytes + swarm.layout.pieceLength > open.mostBytes
        close(piece, &swarm, &sites)
        return Judged(piece: state, wasFull: wasFull)
    }

    mutating func close(_ piece: Int, _ swarm: inout SwarmState, _ sites: inout SiteClaims) {
        guard open.close(piece) != nil else { return }
        sites.disown(piece)
        swarm.actions.append(.close(PieceIndex(unchecked: piece)))
    }

    /// The piece is stored. Bans peers that sent different bytes of it before.
    mutating func blame(_ piece: Int, digests: [SHA1Digest], _ swarm: inout SwarmState) {
        guard ledger.isSuspect(piece) else { return }
        let culprits = ledger.verified(piece, digests: digests).sorted(by: PeerKey.isBefore)
        for culprit in culprits where swarm.peers[culprit] != nil { swarm.actions.append(.ban(culprit)) }
    }

    /// The piece failed verification and is downloaded again.
    mutating func failed(_ piece: OpenPiece, digests: [SHA1Digest], _ swarm: inout SwarmState) {
        swarm.traffic.wastedBytes += Int64(piece.length)
        if let culprit = ledger.failed(piece.piece, senders: piece.senders, digests: digests),
            swarm.peers[culprit] != nil
        {
            swarm.actions.append(.ban(culprit))
        }
        picker.insert(piece.piece)
    }
}

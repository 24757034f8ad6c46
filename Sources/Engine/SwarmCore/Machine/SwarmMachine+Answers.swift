import Metainfo
import PeerWire

/// What becomes of what was asked for.
extension SwarmMachine {
    /// Where the bytes of a block that a peer begins to send go.
    public enum Placement: Sendable, Equatable {
        /// Straight into the piece's buffer.
        case buffer
        /// Into a buffer of their own: another peer is sending the same block. To be copied when the block is accepted.
        case aside
        /// Nowhere: read and dropped.
        case discard
        /// It was never asked for.
        case violation
    }

    /// The header of a `piece` message has come.
    public mutating func beginBlock(_ span: BlockSpan, from key: PeerKey) -> Placement {
        guard let peer = peers.place(of: key) else { return .discard }
        guard let request = peers[peer].outstanding.first(where: { $0.span == span }) else {
            guard let index = peers[peer].forgotten.firstIndex(of: span) else { return .violation }
            peers[peer].forgotten.remove(at: index)
            return .discard
        }
        guard !request.isCancelled, let piece = open.place(of: span.piece), !open[piece].isVerifying
        else { return .discard }
        if open[piece].beginReceiving(span, from: key) { return .buffer }
        return open[piece].hasReceived(span) ? .discard : .aside
    }

    /// All bytes of a block have come, and are where ``beginBlock(_:from:)`` said.
    /// - Returns: whether bytes that lie aside are to be copied into the piece's buffer now.
    @discardableResult
    public mutating func finishBlock(_ span: BlockSpan, from key: PeerKey, placement: Placement, now: Double) -> Bool {
        guard let request = settle(span, of: key) else {
            wastedBytes += Int64(span.length)
            return false
        }
        if let peer = peers.place(of: key) {
            if sites.members > 0, !peers[peer].traits.isWebSeed {
                sites.supply.received(span.length, fromNear: peers[peer].isNear)
            }
            peers[peer].window.arrived(span.length, delay: now - request.sentAt, now: now)
            peers[peer].lastProgressAt = now
            peers[peer].isSnubbed = false
            peers[peer].rejects = 0
            if let newest = peers[peer].further?.newestAnswered, request.sentAt > newest {
                peers[peer].further?.newestAnswered = request.sentAt
            }
        }
        downloadMeter.add(span.length, now: now)
        var copies = false
        if placement == .buffer || placement == .aside, !request.isCancelled,
            let piece = open.place(of: span.piece), !open[piece].isVerifying
        {
            copies = placement == .aside
            for slower in open[piece].receivers(of: span, otherThan: key) {
                open[piece].stopReceiving(span, from: slower)
                actions.append(.divert(slower, span))
            }
            if open[piece].markReceived(span, from: key) {
                acceptedBytes += Int64(span.length)
                cancelOthers(span, except: key)
                if open[piece].isComplete { verify(span.piece) }
            } else {
                wastedBytes += Int64(span.length)
            }
        } else {
            wastedBytes += Int64(span.length)
        }
        refill(key, now: now)
        return copies
    }

    /// A peer says that a request will not be answered (BEP 6), or a web seed cannot.
    public mutating func rejected(_ span: BlockSpan, by key: PeerKey, now: Double) {
        guard let request = settle(span, of: key) else { return }
        if !request.isCancelled {
            open[span.piece]?.stopReceiving(span, from: key)
            open[span.piece]?.release(span)
        }
        peers[key]?.suggested.removeAll { $0 == span.piece }
        peers[key]?.allowedFast.remove(span.piece)
        if !request.isCancelled {
            pauseAfterReject(key, now: now)
            giveUpExclusive(of: key)
        }
        refillAll(now: now)
    }

    /// A new request for every reject would go on as fast as the line is. Those that come together count as one.
    private mutating func pauseAfterReject(_ key: PeerKey, now: Double) {
        guard let peer = peers[key], !peer.isChokingUs, !peer.turns.givesTurns, !peer.traits.isWebSeed,
            now >= peer.askAgainAt
        else { return }
        let pause = configuration.rejectPause * Double(1 << min(peer.rejects, 16))
        peers[key]?.askAgainAt = now + min(pause, configuration.longestRejectPause)
        peers[key]?.rejects = peer.rejects + 1
    }

    /// A peer that alone was to send suspect pieces does not: they begin anew with another, whole again, so that there
    /// is one culprit still if they come out wrong.
    mutating func giveUpExclusive(of key: PeerKey) {
        for piece in openOrder {
            guard let place = open.place(of: piece), open[place].exclusiveOwner == key, !open[place].isVerifying
            else { continue }
            for request in peers[key]?.outstanding ?? [] where request.span.piece == piece && !request.isCancelled {
                actions.append(.divert(key, request.span))
                cancel(request, of: key)
            }
            wastedBytes += Int64(open[piece]?.receivedBytes ?? 0)
            close(piece)
            picker.insert(piece)
        }
    }

    private mutating func settle(_ span: BlockSpan, of key: PeerKey) -> OutstandingRequest? {
        guard let peer = peers.place(of: key),
            let index = peers[peer].outstanding.firstIndex(where: { $0.span == span })
        else { return nil }
        peers[peer].outstandingBytes -= span.length
        return peers[peer].outstanding.remove(at: index)
    }

    /// Others were asked for the same block in the end game.
    private mutating func cancelOthers(_ span: BlockSpan, except key: PeerKey) {
        guard picker.isEmpty || openBytes + layout.pieceLength > mostOpenBytes else { return }
        for other in peers.keys where other != key {
            guard let peer = peers.place(of: other), peers[peer].outstandingBytes >= span.length else { continue }
            for request in peers[peer].outstanding where request.span == span && !request.isCancelled {
                cancel(request, of: other)
            }
        }
    }

    mutating func cancel(_ request: OutstandingRequest, of key: PeerKey) {
        guard let peer = peers[key], let index = peer.outstanding.firstIndex(where: { $0.span == request.span }) else {
            return
        }
        if peer.traits.isWebSeed {
            actions.append(.cancelFetch(key, request.span))
        } else {
            send(key, .cancel(request.span.wire))
        }
        if peer.traits.supportsFast && !peer.traits.isWebSeed {
            // It answers with the block or a reject; until then the request counts.
            peers[key]?.outstanding[index].isCancelled = true
        } else {
            peers[key]?.outstanding.remove(at: index)
            peers[key]?.outstandingBytes -= request.span.length
            remember(request.span, of: key)
        }
    }

    mutating func remember(_ span: BlockSpan, of key: PeerKey) {
        peers[key]?.forgotten.append(span)
        if let count = peers[key]?.forgotten.count, count > 1024 { peers[key]?.forgotten.removeFirst(count - 1024) }
    }

    // MARK: Choking by the peer

    mutating func receivedChoke(from key: PeerKey, now: Double) {
        // A choke again and again says nothing new.
        guard let peer = peers[key], !peer.isChokingUs else { return }
        peers[key]?.isChokingUs = true
        // With the fast extension every request is still answered, one way or the other.
        guard !peer.traits.supportsFast else {
            giveUpExclusive(of: key)
            return refillAll(now: now)
        }
        peers[key]?.outstanding = []
        peers[key]?.outstandingBytes = 0
        for request in peer.outstanding {
            forget(request, of: key)
            remember(request.span, of: key)
        }
        giveUpExclusive(of: key)
        refillAll(now: now)
    }

    mutating func receivedUnchoke(from key: PeerKey, now: Double) {
        guard let peer = peers.place(of: key), peers[peer].isChokingUs else { return }
        peers[peer].isChokingUs = false
        if looks.spend(openOrder.count) { refill(key, now: now) }
    }

    mutating func receivedSuggest(_ raw: UInt32, from key: PeerKey, now: Double) {
        guard let piece = layout.piece(Int(raw))?.value else {
            return violation(key, "suggestion of a piece out of range")
        }
        guard let peer = peers[key], isMissing(piece), peer.holdings.contains(piece), peer.suggested.count < 1024 else {
            return
        }
        let isNew = !peer.suggested.contains(piece)
        if isNew { peers[key]?.suggested.append(piece) }
        if peer.traits.followsSuggestions {
            peers[key]?.isDispatching = true
            updateHolder(key)
        }
        if isNew || looks.spend(openOrder.count) { refill(key, now: now) }
    }

    mutating func receivedAllowedFast(_ raw: UInt32, from key: PeerKey, now: Double) {
        guard let piece = layout.piece(Int(raw))?.value else {
            return violation(key, "allowed fast piece out of range")
        }
        guard let count = peers[key]?.allowedFast.count, count < 64 else { return }
        guard isMissing(piece), peers[key]?.allowedFast.insert(piece).inserted == true else { return }
        refill(key, now: now)
    }

    // MARK: Whole pieces

    mutating func verify(_ piece: Int) {
        open[piece]?.isVerifying = true
        actions.append(.verify(PieceIndex(unchecked: piece), digests: ledger.isSuspect(piece)))
    }
}

import Metainfo
import PeerWire

/// Upload grants: a host with a free uplink grants it to one peer after the other, and only then does that peer choose
/// a piece.
///
/// If peers request at any time, most requests wait in a queue and are chosen long before they are answered, while
/// other peers that could answer them are idle. And a piece that is uploaded to many peers at the same time is
/// complete, and can be passed on, late. Among few peers that all know each other this costs nothing, and sharing the
/// uplink keeps every receiver busy. Among many it costs most of the time beyond the bound. So grants begin when many
/// peers are interested.
extension UploadScheduler {
    private enum Constant {
        /// Backoff, in seconds, for a peer that did not use its upload grant. Doubles each time.
        static let firstPause = 0.02
        static let longestPause = 0.1
        /// A peer that has fewer pieces than the average is served earlier, one that has more later: by at most this
        /// share of the waiting peers, and by one `lead`th of them for each piece. With more, all hosts would serve the
        /// same peer; with less, peers that are behind would fall further behind.
        static let mostLead = 0.5
        static let lead = 12
        /// Additional pieces in flight from a seed: its uplink waits for receivers with full downlinks, and other peers
        /// wait for its pieces.
        static let moreOfSeed = 1
        /// A slow grant counts this many times less than another, so there may be this many times as many.
        static let slowShare = 4
        /// Maximum seconds to wait for dispatched pieces to be announced.
        static let spread = 2.0
        /// Seconds without a byte after which a slow grant no longer counts.
        static let still = 5.0
        /// Seconds after which a grant without a request no longer counts.
        static let answer = 1.0
    }

    // MARK: Starting and stopping

    /// Call about four times a second. Starts or stops granting, and updates averages.
    mutating func lookAtGrants(_ swarm: inout SwarmState, _ availability: [UInt16], now: Double) {
        var takers = 0
        var holdings = 0
        var isAnyWaiting = false
        for key in swarm.peers.keys {
            guard let peer = swarm.peers.place(of: key), swarm.peers[peer].isInterested, supportsGrants(peer, &swarm)
            else { continue }
            takers += 1
            holdings += swarm.peers[peer].holdings.count
            // The peer announced its support for grants late.
            if grants.isGiving, !swarm.peers[peer].grants.isTold {
                announceGrants(key, &swarm)
                withdrawChoices(of: key, &swarm)
            }
            isAnyWaiting =
                isAnyWaiting || (!swarm.peers[peer].grants.isBusy && now >= swarm.peers[peer].grants.pausedUntil)
        }
        grants.meanHoldings = holdings / max(1, takers)
        grants.lead = max(1, takers / Constant.lead)
        grants.mostLead = Int(Double(takers) * Constant.mostLead)
        if takers < swarm.configuration.grantsFrom, !swarm.isFinished { takers = expectedTakers(&swarm) }
        if takers >= swarm.configuration.grantsFrom {
            beginGranting(&swarm, now: now)
        } else if takers < swarm.configuration.grantsFrom / 2 {
            endGranting(&swarm, availability, now: now)
        }
        guard grants.isGiving else { return }
        passOverSlowOnes(&swarm, now: now)
        grants.width.look(hasWaiting: isAnyWaiting, now: now)
        wakeGrants()
        issueGrants(&swarm, availability, now: now)
    }

    /// While we are still downloading: the peers that are interested or will be when we have pieces. If only interested
    /// peers counted, our first piece would go to many peers at the same time, and none would have it complete for
    /// long.
    private func expectedTakers(_ swarm: inout SwarmState) -> Int {
        swarm.peers.keys.count { key in
            guard let peer = swarm.peers.place(of: key), swarm.peers[peer].traits.supportsGrants else { return false }
            return swarm.peers[peer].isInterested
                || !(swarm.peers[peer].holdings.isFull || swarm.peers[peer].isUploadOnly)
        }
    }

    private mutating func beginGranting(_ swarm: inout SwarmState, now: Double) {
        guard !grants.isGiving, swarm.isServing else { return }
        grants.isGiving = true
        for key in swarm.peers.keys { announceGrants(key, &swarm) }
        for key in swarm.peers.keys where usesGrants(key, &swarm) { withdrawChoices(of: key, &swarm) }
        nextChokeAt = min(nextChokeAt, now)
    }

    /// Rejects what the peer requested earlier. It chooses again when it has a grant.
    private mutating func withdrawChoices(of key: PeerKey, _ swarm: inout SwarmState) {
        rejectWaiting(of: key, &swarm)
        dispatcher?.withdrawAll(from: key)
    }

    private mutating func endGranting(_ swarm: inout SwarmState, _ availability: [UInt16], now: Double) {
        guard grants.isGiving else { return }
        grants.isGiving = false
        for key in swarm.peers.keys {
            revokeGrants(from: key, &swarm)
            // Suggestions come first, so that the peer's next requests are for its suggested pieces.
            dispatch(key, &swarm, availability, now: now)
            announceGrants(key, &swarm)
        }
        nextChokeAt = min(nextChokeAt, now)
    }

    /// Tells a peer whether it has to wait for grants.
    mutating func announceGrants(_ key: PeerKey, _ swarm: inout SwarmState) {
        guard let peer = swarm.peers.place(of: key), swarm.peers[peer].traits.supportsGrants else { return }
        swarm.peers[peer].grants.isTold = grants.isGiving
        swarm.send(key, .extended(.grants(grants.isGiving)))
    }

    /// Reads the peer's grants before its traits: they are adjacent to the other fields that are read here.
    private func supportsGrants(_ peer: PeerTable.Place, _ swarm: inout SwarmState) -> Bool {
        swarm.peers[peer].grants.isTold || swarm.peers[peer].traits.supportsGrants
    }

    /// Whether the peer is served by grants, and so needs no slot.
    func usesGrants(_ key: PeerKey, _ swarm: inout SwarmState) -> Bool {
        swarm.peers.place(of: key).map { usesGrants($0, &swarm) } ?? false
    }

    private func usesGrants(_ peer: PeerTable.Place, _ swarm: inout SwarmState) -> Bool {
        grants.isGiving && swarm.peers[peer].grants.isTold
    }

    /// Whether a request goes beyond the peer's grant. A grant is for one piece, and for the named piece if it names
    /// one: a peer that requests more, or without a grant, would use the uplink promised to others. A request from
    /// before grants began may arrive during a grant. Counting it would refuse a part of the named piece, which then
    /// would stay open with no other peer to ask.
    func exceedsGrant(_ span: BlockSpan, of peer: PeerTable.Place, _ swarm: inout SwarmState) -> Bool {
        guard usesGrants(peer, &swarm) else { return false }
        guard let named = swarm.peers[peer].grants.given.first else { return true }
        return swarm.peers[peer].grants.asked + span.length > swarm.layout.pieceLength
            || (named >= 0 && Int(named) != span.piece)
    }

    // MARK: Issuing grants

    /// Something has happened after which some peer may need a grant, or there is room for one.
    mutating func wakeGrants() {
        grants.idleUntil = -.infinity
        grants.room = .max
    }

    /// Issues grants while there is room in the grant width.
    mutating func issueGrants(_ swarm: inout SwarmState, _ availability: [UInt16], now: Double) {
        guard grants.isGiving, swarm.isServing, now >= grants.idleUntil, !isAwaitingSpread(now) else { return }
        var spoken = spokenFor
        let target = grants.width.target + (swarm.isFinished ? Constant.moreOfSeed * swarm.layout.pieceLength : 0)
        while spoken + swarm.layout.pieceLength <= target {
            guard let key = nextForGrant(&swarm, now: now) else {
                grants.idleUntil = now + Constant.firstPause
                return
            }
            give(key, &swarm, availability, now: now)
            spoken += swarm.layout.pieceLength
        }
        grants.room = target - spoken
    }

    /// Whether all pieces are dispatched and some have not been announced: a peer would now choose just those. Bounded
    /// in time, because some peer may be slow.
    private mutating func isAwaitingSpread(_ now: Double) -> Bool {
        guard let dispatcher, dispatcher.hasGivenAll, !dispatcher.hasSpread else {
            grants.awaitingSince = nil
            return false
        }
        let since = grants.awaitingSince ?? now
        grants.awaitingSince = since
        return now - since < Constant.spread
    }

    private var spokenFor: Int {
        // However many peers are slow, half of the uplink is for others.
        grants.spoken + min(grants.slowSpoken, grants.width.target / 2)
    }

    /// Changes the grants of a peer, and updates the sums.
    private mutating func change(
        _ peer: PeerTable.Place, _ swarm: inout SwarmState, _ body: (inout GrantsOfPeer) -> Void
    ) {
        count(peer, -1, &swarm)
        body(&swarm.peers[peer].grants)
        // A peer with nothing in flight is not slow.
        if !swarm.peers[peer].grants.isBusy {
            (swarm.peers[peer].grants.isSlow, swarm.peers[peer].grants.isStill) = (false, false)
        }
        count(peer, 1, &swarm)
    }

    private mutating func count(_ peer: PeerTable.Place, _ sign: Int, _ swarm: inout SwarmState) {
        let bytes = swarm.peers[peer].grants.queued + swarm.peers[peer].grants.given.count * swarm.layout.pieceLength
        if !swarm.peers[peer].grants.isSlow {
            grants.spoken += sign * bytes
        } else if !swarm.peers[peer].grants.isStill {
            grants.slowSpoken += sign * (bytes / Constant.slowShare)
        }
    }

    /// The peer without a grant for longest, among those with the fewest bytes granted. A peer that is behind is served
    /// a little earlier.
    private mutating func nextForGrant(_ swarm: inout SwarmState, now: Double) -> PeerKey? {
        guard swarm.flood.looks.spend(swarm.peers.count) else { return nil }
        var best: (key: PeerKey, load: Int, place: Int)?
        for key in swarm.peers.keys {
            guard let peer = swarm.peers.place(of: key), usesGrants(peer, &swarm), swarm.peers[peer].isInterested,
                !swarm.peers[peer].amChoking,
                !swarm.peers[peer].grants.isSlow, now >= swarm.peers[peer].grants.pausedUntil
            else { continue }
            let load = swarm.peers[peer].grants.given.count * swarm.layout.pieceLength + swarm.peers[peer].grants.queued
            let behind = (grants.meanHoldings - swarm.peers[peer].holdings.count) * grants.lead
            let place = swarm.peers[peer].grants.serial - max(-grants.mostLead, min(grants.mostLead, behind))
            if let best, (best.load, best.place) <= (load, place) { continue }
            best = (key, load, place)
        }
        return best?.key
    }

    private mutating func give(_ key: PeerKey, _ swarm: inout SwarmState, _ availability: [UInt16], now: Double) {
        guard let peer = swarm.peers.place(of: key) else { return }
        let piece = swarm.isFinished ? pieceToDispatch(to: key, &swarm, availability, now: now) : nil
        grants.serial += 1
        swarm.peers[peer].grants.serial = grants.serial
        beginCounting(peer, &swarm, now: now)
        change(peer, &swarm) { $0.given.append(Int32(piece ?? -1)) }
        if let piece, swarm.configuration.superSeed { swarm.send(key, .have(UInt32(truncatingIfNeeded: piece))) }
        swarm.send(key, .extended(.grant(piece.map { UInt32(truncatingIfNeeded: $0) })))
    }

    /// The peer has sent all requests that use its grant.
    mutating func receivedGrantOver(from key: PeerKey, _ swarm: inout SwarmState, _ availability: [UInt16], now: Double)
    {
        guard let peer = swarm.peers.place(of: key), !swarm.peers[peer].grants.given.isEmpty else { return }
        let piece = Int(swarm.peers[peer].grants.given[0])
        change(peer, &swarm) { $0.given.removeFirst() }
        if swarm.peers[peer].grants.asked > 0 {
            swarm.peers[peer].grants.asked = 0
            swarm.peers[peer].grants.pause = 0
        } else {
            if piece >= 0 { dispatcher?.refused(piece, by: key) }
            let pause = min(Constant.longestPause, max(Constant.firstPause, 2 * swarm.peers[peer].grants.pause))
            swarm.peers[peer].grants.pause = pause
            swarm.peers[peer].grants.pausedUntil = now + pause
        }
        wakeGrants()
        issueGrants(&swarm, availability, now: now)
    }

    /// - Parameter bytes: bytes that the peer requested, or (negative) that were sent.
    mutating func countQueued(
        _ bytes: Int, of peer: PeerTable.Place, _ swarm: inout SwarmState, _ availability: [UInt16], now: Double
    ) {
        guard usesGrants(peer, &swarm) else { return }
        if bytes > 0 { beginCounting(peer, &swarm, now: now) }
        change(peer, &swarm) { peer in
            if bytes > 0 {
                peer.asked += bytes
            } else {
                (peer.movedAt, peer.isStill) = (now, false)
            }
            peer.queued = max(0, peer.queued + bytes)
        }
        guard bytes < 0 else { return }
        if grants.room < .max { grants.room -= bytes }
        if grants.room >= swarm.layout.pieceLength { issueGrants(&swarm, availability, now: now) }
    }

    private mutating func beginCounting(_ peer: PeerTable.Place, _ swarm: inout SwarmState, now: Double) {
        if !swarm.peers[peer].grants.isBusy {
            (swarm.peers[peer].grants.since, swarm.peers[peer].grants.movedAt) = (now, now)
        }
    }

    private mutating func passOverSlowOnes(_ swarm: inout SwarmState, now: Double) {
        let patience = grants.width.patience
        for key in swarm.peers.keys {
            guard let peer = swarm.peers.place(of: key), swarm.peers[peer].grants.isBusy,
                !swarm.peers[peer].grants.isStill
            else {
                continue
            }
            if swarm.peers[peer].grants.isSlow {
                guard
                    now - swarm.peers[peer].grants.movedAt > Constant.still + 2 * swarm.peers[peer].traits.longRoundTrip
                else {
                    continue
                }
                change(peer, &swarm) { $0.isStill = true }
                // Pieces that were dispatched to this peer go to others.
                dispatcher?.withdrawAll(from: key)
                continue
            }
            let longest = swarm.peers[peer].grants.queued > 0 ? patience : min(patience, Constant.answer)
            if now - swarm.peers[peer].grants.since > longest + 2 * swarm.peers[peer].traits.longRoundTrip {
                change(peer, &swarm) { $0.isSlow = true }
            }
        }
    }

    /// Frees the uplink that was granted to a peer.
    mutating func revokeGrants(from key: PeerKey, _ swarm: inout SwarmState) {
        guard let peer = swarm.peers.place(of: key) else { return }
        let given = swarm.peers[peer].grants.given
        change(peer, &swarm) { ($0.given, $0.queued, $0.asked) = ([], 0, 0) }
        for piece in given where piece >= 0 { dispatcher?.refused(Int(piece), by: key) }
        wakeGrants()
    }
}

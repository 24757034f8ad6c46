import Metainfo
import PeerWire

/// Upload grants: a host with a free uplink grants it to one peer after the other, and only then does that peer choose a
/// piece.
///
/// Where swarm.peers ask whenever they like, most of what they ask for waits in somebody's queue, chosen long before it
/// comes, while others who could send it idle; and what is sent to many at a time is whole, and can be handed on, late.
/// Among a few that all know each other this costs nothing, and a line shared by all keeps every receiver busy; among
/// many it costs most of the time beyond the bound. So grants begin where many want something of us.
extension UploadScheduler {
    private enum Constant {
        /// Backoff, in seconds, for a peer that did not use its upload grant. Doubles each time.
        static let firstPause = 0.02
        static let longestPause = 0.1
        /// Of all who wait: by so many at most somebody comes sooner, or later, and by one in so many for each piece that
        /// he is behind the others. More sends everybody to the same one; with less who is behind falls further behind.
        static let mostLead = 0.5
        static let lead = 12
        /// Pieces more that are on their way from a seed: its line waits for receivers whose lines are full, and what
        /// it has is what all others wait for.
        static let moreOfSeed = 1
        /// A slow grant counts this many times less than another: there may be as many times as many of them.
        static let slowShare = 4
        /// Seconds.
        static let spread = 2.0
        /// Seconds without a byte after which a slow grant no longer counts at all.
        static let still = 5.0
        /// Seconds after which a grant that was not answered no longer counts.
        static let answer = 1.0
    }

    // MARK: Whether grants are issued

    /// Call about four times a second. Starts or stops granting, and updates averages.
    mutating func lookAtGrants(_ swarm: inout SwarmState, _ availability: [UInt16], now: Double) {
        var takers = 0
        var holdings = 0
        var isAnyWaiting = false
        for key in swarm.peers.keys {
            guard let peer = swarm.peers.place(of: key), swarm.peers[peer].isInterested, takesGrants(peer, &swarm)
            else { continue }
            takers += 1
            holdings += swarm.peers[peer].holdings.count
            // It said late that it takes grants.
            if grants.isGiving, !swarm.peers[peer].grants.isTold {
                announceGrants(key, &swarm)
                takeChosenBack(from: key, &swarm)
            }
            isAnyWaiting =
                isAnyWaiting || (!swarm.peers[peer].grants.isBusy && now >= swarm.peers[peer].grants.pausedUntil)
        }
        grants.meanHoldings = holdings / max(1, takers)
        grants.lead = max(1, takers / Constant.lead)
        grants.mostLead = Int(Double(takers) * Constant.mostLead)
        if takers < swarm.configuration.turnsFrom, !swarm.isFinished { takers = expectedTakers(&swarm) }
        if takers >= swarm.configuration.turnsFrom {
            beginGranting(&swarm, now: now)
        } else if takers < swarm.configuration.turnsFrom / 2 {
            endGranting(&swarm, availability, now: now)
        }
        guard grants.isGiving else { return }
        passOverSlowOnes(&swarm, now: now)
        grants.width.look(hasWaiting: isAnyWaiting, now: now)
        wakeGrants()
        issueGrants(&swarm, availability, now: now)
    }

    /// While we fetch, those that want something of us, or will as soon as we have it: where grants began only when they
    /// say so, our first piece would go to many at a time, and be whole nowhere for long.
    private func expectedTakers(_ swarm: inout SwarmState) -> Int {
        swarm.peers.keys.count { key in
            guard let peer = swarm.peers.place(of: key), swarm.peers[peer].traits.takesTurns else { return false }
            return swarm.peers[peer].isInterested
                || !(swarm.peers[peer].holdings.isFull || swarm.peers[peer].isUploadOnly)
        }
    }

    private mutating func beginGranting(_ swarm: inout SwarmState, now: Double) {
        guard !grants.isGiving, swarm.isServing else { return }
        grants.isGiving = true
        for key in swarm.peers.keys { announceGrants(key, &swarm) }
        for key in swarm.peers.keys where usesGrants(key, &swarm) { takeChosenBack(from: key, &swarm) }
        nextChokeAt = min(nextChokeAt, now)
    }

    /// What was chosen before is chosen again when a peer has a grant.
    private mutating func takeChosenBack(from key: PeerKey, _ swarm: inout SwarmState) {
        rejectWaiting(of: key, &swarm)
        dispatcher?.takeBack(from: key)
    }

    private mutating func endGranting(_ swarm: inout SwarmState, _ availability: [UInt16], now: Double) {
        guard grants.isGiving else { return }
        grants.isGiving = false
        for key in swarm.peers.keys {
            revokeGrants(from: key, &swarm)
            // Suggestions first: what is asked for at our word is then what it is to have.
            dispatch(key, &swarm, availability, now: now)
            announceGrants(key, &swarm)
        }
        nextChokeAt = min(nextChokeAt, now)
    }

    /// Tells a peer whether it is to wait for grants.
    mutating func announceGrants(_ key: PeerKey, _ swarm: inout SwarmState) {
        guard let peer = swarm.peers.place(of: key), swarm.peers[peer].traits.takesTurns else { return }
        swarm.peers[peer].grants.isTold = grants.isGiving
        swarm.send(key, .extended(.turns(grants.isGiving)))
    }

    /// What was announced of grants is looked at first: it lies beside what else is looked at then.
    private func takesGrants(_ peer: PeerTable.Place, _ swarm: inout SwarmState) -> Bool {
        swarm.peers[peer].grants.isTold || swarm.peers[peer].traits.takesTurns
    }

    /// It is served by grants, and needs no slot.
    func usesGrants(_ key: PeerKey, _ swarm: inout SwarmState) -> Bool {
        swarm.peers.place(of: key).map { usesGrants($0, &swarm) } ?? false
    }

    private func usesGrants(_ peer: PeerTable.Place, _ swarm: inout SwarmState) -> Bool {
        grants.isGiving && swarm.peers[peer].grants.isTold
    }

    /// A grant is for one piece, and for the one that it named, if it named one: a peer that asks for more, or without one,
    /// would have the uplink that others are promised. What was asked for before grants began may come in one: a part of the named
    /// piece would then be refused, and lie open with nobody else to ask.
    func exceedsGrant(_ span: BlockSpan, of peer: PeerTable.Place, _ swarm: inout SwarmState) -> Bool {
        guard usesGrants(peer, &swarm) else { return false }
        guard let named = swarm.peers[peer].grants.given.first else { return true }
        return swarm.peers[peer].grants.asked + span.length > swarm.layout.pieceLength
            || (named >= 0 && Int(named) != span.piece)
    }

    // MARK: Giving

    /// Something has happened after which some peer may want a grant, or there is room for one.
    mutating func wakeGrants() {
        grants.idleUntil = -.infinity
        grants.room = .max
    }

    /// Issues grants while the uplink is not spoken for.
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

    /// Everything has been given out and not all of it has come to somebody: whatever a peer chose now would be that.
    /// Not for long: somebody may be slow.
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
        // However many are slow, half of the uplink is for others.
        grants.spoken + min(grants.slowSpoken, grants.width.target / 2)
    }

    /// Changes what a peer has of our uplink, and the sums with it.
    private mutating func change(
        _ peer: PeerTable.Place, _ swarm: inout SwarmState, _ body: (inout GrantsOfPeer) -> Void
    ) {
        count(peer, -1, &swarm)
        body(&swarm.peers[peer].grants)
        // A peer that has nothing on its way is not slow.
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

    /// The peer that had no grant for longest, of those with the fewest under way; one that is behind comes a little sooner.
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
        swarm.send(key, .extended(.turn(piece.map { UInt32(truncatingIfNeeded: $0) })))
    }

    /// The peer has asked for all that it wanted by its grant.
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

    /// The peer asked for so many bytes, or they have gone (less than 0).
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
                // What it was to have first, others are to have.
                dispatcher?.takeBack(from: key)
                continue
            }
            let longest = swarm.peers[peer].grants.queued > 0 ? patience : min(patience, Constant.answer)
            if now - swarm.peers[peer].grants.since > longest + 2 * swarm.peers[peer].traits.longRoundTrip {
                change(peer, &swarm) { $0.isSlow = true }
            }
        }
    }

    /// What a peer had of the uplink is free again.
    mutating func revokeGrants(from key: PeerKey, _ swarm: inout SwarmState) {
        guard let peer = swarm.peers.place(of: key) else { return }
        let given = swarm.peers[peer].grants.given
        change(peer, &swarm) { ($0.given, $0.queued, $0.asked) = ([], 0, 0) }
        for piece in given where piece >= 0 { dispatcher?.refused(Int(piece), by: key) }
        wakeGrants()
    }
}

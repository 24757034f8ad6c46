import Metainfo
import PeerWire

/// What a peer that takes turns has of our line, and we of its.
struct TurnsOfPeer: Sendable {
    /// It gives turns now, and is asked for nothing but in a turn.
    var givesTurns = false
    /// Its last turn was for a piece that it named.
    var areNamed = false
    /// Turns that it was given and that are not over: the pieces that they named, -1 for one of its own choice.
    var given: [Int32] = []
    /// Number of its last turn: who had none for longest is next.
    var serial = 0
    /// Bytes that it asked for and that have not gone out.
    var queued = 0
    /// Since when any turn of it is under way.
    var since = 0.0
    /// Bytes that it asked for in its oldest turn.
    var asked = 0
    /// It was told that we give turns.
    var isTold = false
    /// It takes its turn so slowly that others are given some meanwhile.
    var isSlow = false
    /// When something of its turn went out last, or it began.
    var movedAt = 0.0
    /// It takes nothing of its turn.
    var isStill = false
    /// Seconds for which it is passed over, because it took nothing.
    var pause = 0.0
    var pausedUntil = -Double.infinity

    var isBusy: Bool { queued > 0 || !given.isEmpty }
}

/// Our line, as far as it is given out in turns.
struct TurnsOfLine: Sendable {
    /// Peers who want turns are many enough.
    var isGiving = false
    var width: TurnWidth
    /// Number of the last turn.
    var serial = 0
    /// Pieces that those who want something have, on average; the places by which who is behind comes sooner for each
    /// piece, and at most.
    var meanHoldings = 0
    var lead = 1
    var mostLead = 0
    /// When the last piece was given out, while not all have come to somebody.
    var awaitingSince: Double?
    /// Nobody wants a turn before that, unless something happens.
    var idleUntil = -Double.infinity
    /// Bytes that may be promised at most, so that not every block that goes out is a reason to look at all peers.
    var room = Int.max
    /// Bytes of the turns that are not over, and of what was asked for in turns and has not gone out; those of slow
    /// peers apart, as far as they count.
    var spoken = 0
    var slowSpoken = 0
}

/// Turns: whoever has a free line says so to one peer after the other, and only then does that peer choose a piece.
///
/// Where peers ask whenever they like, most of what they ask for waits in somebody's queue, chosen long before it
/// comes, while others who could send it idle; and what is sent to many at a time is whole, and can be handed on, late.
/// Among a few that all know each other this costs nothing, and a line shared by all keeps every receiver busy; among
/// many it costs most of the time beyond the bound. So turns begin where many want something of us.
extension SwarmMachine {
    private enum Constant {
        /// Seconds for which who took nothing is passed over, twice as long each time.
        static let firstPause = 0.02
        static let longestPause = 0.1
        /// Of all who wait: by so many at most somebody comes sooner, or later, and by one in so many for each piece that
        /// he is behind the others. More sends everybody to the same one; with less who is behind falls further behind.
        static let mostLead = 0.5
        static let lead = 12
        /// Pieces more that are on their way from a seed: its line waits for receivers whose lines are full, and what
        /// it has is what all others wait for.
        static let moreOfSeed = 1
        /// What a slow turn counts less than another: there may be as many times as many of them.
        static let slowShare = 4
        /// Seconds.
        static let spread = 2.0
        /// Seconds without a byte after which a slow turn no longer counts at all.
        static let still = 5.0
        /// Seconds after which a turn that was not answered no longer counts.
        static let answer = 1.0
    }

    // MARK: Whether turns are given

    /// To be called a few times a second.
    mutating func lookAtTurns(now: Double) {
        var takers = 0
        var holdings = 0
        var isAnyWaiting = false
        for key in peers.keys {
            guard let peer = peers.place(of: key), peers[peer].isInterested, takesTurns(peer) else { continue }
            takers += 1
            holdings += peers[peer].holdings.count
            // It said late that it takes turns.
            if turns.isGiving, !peers[peer].turns.isTold {
                tellOfTurns(key)
                takeChosenBack(from: key, now: now)
            }
            isAnyWaiting = isAnyWaiting || (!peers[peer].turns.isBusy && now >= peers[peer].turns.pausedUntil)
        }
        turns.meanHoldings = holdings / max(1, takers)
        turns.lead = max(1, takers / Constant.lead)
        turns.mostLead = Int(Double(takers) * Constant.mostLead)
        if takers < configuration.turnsFrom, !isFinished { takers = expectedTakers }
        if takers >= configuration.turnsFrom {
            beginTurns(now: now)
        } else if takers < configuration.turnsFrom / 2 {
            endTurns(now: now)
        }
        guard turns.isGiving else { return }
        passOverSlowOnes(now: now)
        turns.width.look(hasWaiting: isAnyWaiting, now: now)
        wakeTurns()
        giveTurns(now: now)
    }

    /// While we fetch, those that want something of us, or will as soon as we have it: where turns began only when they
    /// say so, our first piece would go to many at a time, and be whole nowhere for long.
    private var expectedTakers: Int {
        peers.keys.count { key in
            guard let peer = peers.place(of: key), peers[peer].traits.takesTurns else { return false }
            return peers[peer].isInterested || !(peers[peer].holdings.isFull || peers[peer].isUploadOnly)
        }
    }

    private mutating func beginTurns(now: Double) {
        guard !turns.isGiving, isServing else { return }
        turns.isGiving = true
        for key in peers.keys { tellOfTurns(key) }
        for key in peers.keys where isInTurns(key) { takeChosenBack(from: key, now: now) }
        nextChokeAt = min(nextChokeAt, now)
    }

    /// What was chosen before is chosen again when it is somebody's turn.
    private mutating func takeChosenBack(from key: PeerKey, now: Double) {
        rejectWaiting(of: key, now: now)
        dispatcher?.takeBack(from: key)
    }

    private mutating func endTurns(now: Double) {
        guard turns.isGiving else { return }
        turns.isGiving = false
        for key in peers.keys {
            takeTurnsBack(from: key)
            // Suggestions first: what is asked for at our word is then what it is to have.
            dispatch(key, now: now)
            tellOfTurns(key)
        }
        nextChokeAt = min(nextChokeAt, now)
    }

    /// Tells a peer whether it is to wait for its turn.
    mutating func tellOfTurns(_ key: PeerKey) {
        guard let peer = peers.place(of: key), peers[peer].traits.takesTurns else { return }
        peers[peer].turns.isTold = turns.isGiving
        send(key, .extended(.turns(turns.isGiving)))
    }

    /// What was told of turns is looked at first: it lies beside what else is looked at then.
    private func takesTurns(_ peer: PeerTable.Place) -> Bool {
        peers[peer].turns.isTold || peers[peer].traits.takesTurns
    }

    /// It is served in turns, and needs no slot.
    func isInTurns(_ key: PeerKey) -> Bool { peers.place(of: key).map(isInTurns) ?? false }

    private func isInTurns(_ peer: PeerTable.Place) -> Bool {
        turns.isGiving && peers[peer].turns.isTold
    }

    /// A turn is for one piece, and for the one that it named, if it named one: who asks for more, or without a turn, would
    /// have the line that others are promised. What was asked for before turns began may come in one: a part of the named
    /// piece would then be refused, and lie open with nobody else to ask.
    func exceedsTurn(_ span: BlockSpan, of peer: PeerTable.Place) -> Bool {
        guard isInTurns(peer) else { return false }
        guard let named = peers[peer].turns.given.first else { return true }
        return peers[peer].turns.asked + span.length > layout.pieceLength || (named >= 0 && Int(named) != span.piece)
    }

    // MARK: Giving

    /// Something has happened after which somebody may want a turn, or there is room for one.
    mutating func wakeTurns() {
        turns.idleUntil = -.infinity
        turns.room = .max
    }

    /// Gives turns while the line is not spoken for.
    mutating func giveTurns(now: Double) {
        guard turns.isGiving, isServing, now >= turns.idleUntil, !isAwaitingSpread(now) else { return }
        var spoken = spokenFor
        let target = turns.width.target + (isFinished ? Constant.moreOfSeed * layout.pieceLength : 0)
        while spoken + layout.pieceLength <= target {
            guard let key = nextForTurn(now: now) else {
                turns.idleUntil = now + Constant.firstPause
                return
            }
            give(key, now: now)
            spoken += layout.pieceLength
        }
        turns.room = target - spoken
    }

    /// Everything has been given out and not all of it has come to somebody: whatever a peer chose now would be that.
    /// Not for long: somebody may be slow.
    private mutating func isAwaitingSpread(_ now: Double) -> Bool {
        guard let dispatcher, dispatcher.hasGivenAll, !dispatcher.hasSpread else {
            turns.awaitingSince = nil
            return false
        }
        let since = turns.awaitingSince ?? now
        turns.awaitingSince = since
        return now - since < Constant.spread
    }

    private var spokenFor: Int {
        // However many are slow, half of the line is for others.
        turns.spoken + min(turns.slowSpoken, turns.width.target / 2)
    }

    /// Changes what a peer has of our line, and the sums with it.
    private mutating func change(_ peer: PeerTable.Place, _ body: (inout TurnsOfPeer) -> Void) {
        count(peer, -1)
        body(&peers[peer].turns)
        // Who has nothing on its way is not slow.
        if !peers[peer].turns.isBusy { (peers[peer].turns.isSlow, peers[peer].turns.isStill) = (false, false) }
        count(peer, 1)
    }

    private mutating func count(_ peer: PeerTable.Place, _ sign: Int) {
        let bytes = peers[peer].turns.queued + peers[peer].turns.given.count * layout.pieceLength
        if !peers[peer].turns.isSlow {
            turns.spoken += sign * bytes
        } else if !peers[peer].turns.isStill {
            turns.slowSpoken += sign * (bytes / Constant.slowShare)
        }
    }

    /// Who had no turn for longest, of those that have the fewest under way; who is behind comes a little sooner.
    private mutating func nextForTurn(now: Double) -> PeerKey? {
        guard looks.spend(peers.count) else { return nil }
        var best: (key: PeerKey, load: Int, place: Int)?
        for key in peers.keys {
            guard let peer = peers.place(of: key), isInTurns(peer), peers[peer].isInterested, !peers[peer].amChoking,
                !peers[peer].turns.isSlow, now >= peers[peer].turns.pausedUntil
            else { continue }
            let load = peers[peer].turns.given.count * layout.pieceLength + peers[peer].turns.queued
            let behind = (turns.meanHoldings - peers[peer].holdings.count) * turns.lead
            let place = peers[peer].turns.serial - max(-turns.mostLead, min(turns.mostLead, behind))
            if let best, (best.load, best.place) <= (load, place) { continue }
            best = (key, load, place)
        }
        return best?.key
    }

    private mutating func give(_ key: PeerKey, now: Double) {
        guard let peer = peers.place(of: key) else { return }
        let piece = isFinished ? pieceToDispatch(to: key, now: now) : nil
        turns.serial += 1
        peers[peer].turns.serial = turns.serial
        beginCounting(peer, now: now)
        change(peer) { $0.given.append(Int32(piece ?? -1)) }
        if let piece, configuration.superSeed { send(key, .have(UInt32(truncatingIfNeeded: piece))) }
        send(key, .extended(.turn(piece.map { UInt32(truncatingIfNeeded: $0) })))
    }

    /// The peer has asked for all that it wanted in its turn.
    mutating func receivedTurnOver(from key: PeerKey, now: Double) {
        guard let peer = peers.place(of: key), !peers[peer].turns.given.isEmpty else { return }
        let piece = Int(peers[peer].turns.given[0])
        change(peer) { $0.given.removeFirst() }
        if peers[peer].turns.asked > 0 {
            peers[peer].turns.asked = 0
            peers[peer].turns.pause = 0
        } else {
            if piece >= 0 { dispatcher?.refused(piece, by: key) }
            let pause = min(Constant.longestPause, max(Constant.firstPause, 2 * peers[peer].turns.pause))
            peers[peer].turns.pause = pause
            peers[peer].turns.pausedUntil = now + pause
        }
        wakeTurns()
        giveTurns(now: now)
    }

    /// The peer asked for so many bytes, or they have gone (less than 0).
    mutating func countQueued(_ bytes: Int, of peer: PeerTable.Place, now: Double) {
        guard isInTurns(peer) else { return }
        if bytes > 0 { beginCounting(peer, now: now) }
        change(peer) { peer in
            if bytes > 0 {
                peer.asked += bytes
            } else {
                (peer.movedAt, peer.isStill) = (now, false)
            }
            peer.queued = max(0, peer.queued + bytes)
        }
        guard bytes < 0 else { return }
        if turns.room < .max { turns.room -= bytes }
        if turns.room >= layout.pieceLength { giveTurns(now: now) }
    }

    private mutating func beginCounting(_ peer: PeerTable.Place, now: Double) {
        if !peers[peer].turns.isBusy { (peers[peer].turns.since, peers[peer].turns.movedAt) = (now, now) }
    }

    private mutating func passOverSlowOnes(now: Double) {
        let patience = turns.width.patience
        for key in peers.keys {
            guard let peer = peers.place(of: key), peers[peer].turns.isBusy, !peers[peer].turns.isStill else {
                continue
            }
            if peers[peer].turns.isSlow {
                guard now - peers[peer].turns.movedAt > Constant.still + 2 * peers[peer].traits.longRoundTrip else {
                    continue
                }
                change(peer) { $0.isStill = true }
                // What it was to have first, others are to have.
                dispatcher?.takeBack(from: key)
                continue
            }
            let longest = peers[peer].turns.queued > 0 ? patience : min(patience, Constant.answer)
            if now - peers[peer].turns.since > longest + 2 * peers[peer].traits.longRoundTrip {
                change(peer) { $0.isSlow = true }
            }
        }
    }

    /// What a peer had of the line is free again.
    mutating func takeTurnsBack(from key: PeerKey) {
        guard let peer = peers.place(of: key) else { return }
        let given = peers[peer].turns.given
        change(peer) { ($0.given, $0.queued, $0.asked) = ([], 0, 0) }
        for piece in given where piece >= 0 { dispatcher?.refused(Int(piece), by: key) }
        wakeTurns()
    }
}

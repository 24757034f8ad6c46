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
///
/// Owns what is granted, to whom next, and how much at the same time. The state of each peer's grants is with the peer
/// (``GrantsOfPeer``). A seed's grants name pieces, which it takes from the scheduler's dispatcher.
package struct UploadGrants: Sendable {
    private enum Constant {
        /// Additional pieces in flight from a seed: its uplink waits for receivers with full downlinks, and other peers
        /// wait for its pieces.
        static let moreOfSeed = 1
    }

    /// What ``look(_:_:_:now:)`` has decided.
    enum Change {
        /// From now on, peers that support grants are served with them.
        case began
        /// Peers request at any time again. The caller takes back the grants of each peer, and tells it.
        case ended
    }

    /// Whether enough peers are interested to use grants.
    private(set) var isGiving = false
    /// Grants serve a budget alone: a peer takes part when it has all pieces that were suggested to it.
    private var isForBudget = false
    private(set) var order = GrantOrder()
    package private(set) var granted = GrantedBytes()
    private var width: GrantWidth
    private var spread = SpreadWait()
    /// No grant is needed before this time, unless something happens.
    private var idleUntil = -Double.infinity
    /// Bytes that may still be granted. The next grant is considered only when this reaches the length of a piece, so
    /// that not every sent block causes a look at all peers.
    private var room = Int.max

    init(pieceLength: Int, now: Double) { width = GrantWidth(pieceLength: pieceLength, now: now) }

    // MARK: Starting and stopping

    /// Call about four times a second. Starts or stops granting, and updates averages.
    mutating func look(
        _ swarm: inout SwarmState, _ dispatcher: inout PieceDispatcher?, _ availability: [UInt16], now: Double
    ) -> Change? {
        var takers = 0
        var holdings = 0
        var isAnyWaiting = false
        for key in swarm.peers.keys {
            guard let peer = swarm.peers.place(of: key), swarm.peers[peer].isInterested, isSupported(by: peer, &swarm)
            else { continue }
            takers += 1
            holdings += swarm.peers[peer].holdings.count
            // The peer announced its support for grants late.
            if isGiving, !swarm.peers[peer].grants.isTold, mayTell(key, peer, &swarm, dispatcher) {
                announce(to: key, &swarm)
                withdrawChoices(of: key, &swarm, &dispatcher)
            }
            isAnyWaiting =
                isAnyWaiting || (!swarm.peers[peer].grants.isBusy && now >= swarm.peers[peer].grants.pausedUntil)
        }
        order.measured(takers: takers, holdings: holdings)
        if takers < swarm.configuration.grantsFrom, !swarm.isFinished { takers = expectedTakers(&swarm) }
        let wasGiving = isGiving
        if takers >= swarm.configuration.grantsFrom {
            isForBudget = false
            begin(&swarm, &dispatcher)
        } else if takers > 0, swarm.egress != nil {
            // Until all pieces have been sent once, suggestions keep a few agents busier.
            if !isGiving, isRestricted(&swarm, dispatcher) {
                isForBudget = true
                begin(&swarm, &dispatcher)
            }
        } else if takers < swarm.configuration.grantsFrom / 2, isGiving {
            isGiving = false
            return .ended
        }
        guard isGiving else { return nil }
        granted.passOverSlow(patience: width.patience, &swarm, &dispatcher, now: now)
        width.look(hasWaiting: isAnyWaiting, now: now)
        wake()
        issue(&swarm, &dispatcher, availability, now: now)
        return wasGiving ? nil : .began
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

    private mutating func begin(_ swarm: inout SwarmState, _ dispatcher: inout PieceDispatcher?) {
        guard !isGiving, swarm.isServing else { return }
        isGiving = true
        for key in swarm.peers.keys {
            guard let peer = swarm.peers.place(of: key), mayTell(key, peer, &swarm, dispatcher) else { continue }
            announce(to: key, &swarm)
        }
        for key in swarm.peers.keys where serve(key, &swarm) { withdrawChoices(of: key, &swarm, &dispatcher) }
    }

    /// Whether second copies of pieces are all that there is to give, of which the budget has only so many.
    private func isRestricted(_ swarm: inout SwarmState, _ dispatcher: PieceDispatcher?) -> Bool {
        guard let egress = swarm.egress else { return false }
        return swarm.isFinished && !egress.isScarce && dispatcher?.hasGivenAll != false
    }

    /// Whether the peer may be told of grants. If they are for a budget alone, not before it has the pieces that were
    /// suggested to it: its requests for them would have to be sent again.
    func mayTell(
        _ key: PeerKey, _ peer: PeerTable.Place, _ swarm: inout SwarmState, _ dispatcher: PieceDispatcher?
    ) -> Bool {
        !isForBudget || (swarm.peers[peer].uploadCount == 0 && dispatcher?.outstanding(key) ?? 0 == 0)
    }

    /// Rejects what the peer requested earlier. It chooses again when it has a grant.
    private func withdrawChoices(
        of key: PeerKey, _ swarm: inout SwarmState, _ dispatcher: inout PieceDispatcher?
    ) {
        swarm.rejectWaiting(of: key)
        dispatcher?.withdrawAll(from: key)
    }

    /// Tells a peer whether it has to wait for grants.
    func announce(to key: PeerKey, _ swarm: inout SwarmState) {
        guard let peer = swarm.peers.place(of: key), swarm.peers[peer].traits.supportsGrants else { return }
        swarm.peers[peer].grants.isTold = isGiving
        swarm.send(key, .extended(.grants(isGiving)))
    }

    /// Reads the peer's grants before its traits: they are adjacent to the other fields that are read here.
    private func isSupported(by peer: PeerTable.Place, _ swarm: inout SwarmState) -> Bool {
        swarm.peers[peer].grants.isTold || swarm.peers[peer].traits.supportsGrants
    }

    // MARK: Requests

    /// Whether the peer is served by grants, and so needs no slot.
    func serve(_ key: PeerKey, _ swarm: inout SwarmState) -> Bool {
        swarm.peers.place(of: key).map { serve($0, &swarm) } ?? false
    }

    private func serve(_ peer: PeerTable.Place, _ swarm: inout SwarmState) -> Bool {
        isGiving && swarm.peers[peer].grants.isTold
    }

    /// Whether a request goes beyond the peer's grant. A grant is for one piece, and for the named piece if it names
    /// one: a peer that requests more, or without a grant, would use the uplink promised to others. A request from
    /// before grants began may arrive during a grant. Counting it would refuse a part of the named piece, which then
    /// would stay open with no other peer to ask.
    func areExceeded(by span: BlockSpan, of peer: PeerTable.Place, _ swarm: inout SwarmState) -> Bool {
        guard serve(peer, &swarm) else { return false }
        guard let named = swarm.peers[peer].grants.given.first else { return true }
        return swarm.peers[peer].grants.asked + span.length > swarm.layout.pieceLength
            || (named >= 0 && Int(named) != span.piece)
    }

    /// Counts bytes that the peer requested, or (negative) that were sent or are not going to be.
    mutating func queued(
        _ bytes: Int, of peer: PeerTable.Place, _ swarm: inout SwarmState, _ dispatcher: inout PieceDispatcher?,
        _ availability: [UInt16], now: Double
    ) {
        guard serve(peer, &swarm) else { return }
        guard bytes < 0 else {
            beginCounting(peer, &swarm, now: now)
            return granted.change(peer, &swarm) {
                $0.asked += bytes
                $0.queued += bytes
            }
        }
        let pieceLength = swarm.layout.pieceLength
        var isFree = false
        granted.change(peer, &swarm) { isFree = $0.sent(-bytes, pieceLength: pieceLength, now: now) }
        if isFree {
            wake()
        } else if room < .max {
            room -= bytes
        }
        if room >= swarm.layout.pieceLength { issue(&swarm, &dispatcher, availability, now: now) }
    }

    /// Bytes of blocks were written to a peer's socket.
    mutating func sent(_ bytes: Int) { width.sent(bytes) }

    private func beginCounting(_ peer: PeerTable.Place, _ swarm: inout SwarmState, now: Double) {
        if !swarm.peers[peer].grants.isBusy {
            (swarm.peers[peer].grants.since, swarm.peers[peer].grants.movedAt) = (now, now)
            swarm.peers[peer].grants.moved = 0
        }
    }

    // MARK: Issuing grants

    /// Something has happened after which some peer may need a grant, or there is room for one.
    mutating func wake() {
        idleUntil = -.infinity
        room = .max
    }

    /// Issues grants while there is room in the grant width.
    mutating func issue(
        _ swarm: inout SwarmState, _ dispatcher: inout PieceDispatcher?, _ availability: [UInt16], now: Double
    ) {
        guard isGiving, swarm.isServing, now >= idleUntil, !spread.isAwaited(of: dispatcher, now) else { return }
        var spoken = granted.total(target: width.target)
        let target = width.target + (swarm.isFinished ? Constant.moreOfSeed * swarm.layout.pieceLength : 0)
        while spoken + swarm.layout.pieceLength <= target {
            let honoursBars =
                isRestricted(&swarm, dispatcher) && swarm.egress?.isFree(promised: granted.spoken) == false
            guard let key = order.next(&swarm, honoursBars: honoursBars, now: now) else {
                idleUntil = now + GrantsOfPeer.leastPause
                return
            }
            guard give(key, &swarm, &dispatcher, availability, isHelp: honoursBars, now: now) else { continue }
            spoken += swarm.layout.pieceLength
        }
        room = target - spoken
    }

    /// - Parameter isHelp: the peer gets a second copy because it has waited.
    /// - Returns: false if there is no piece for the peer.
    private mutating func give(
        _ key: PeerKey, _ swarm: inout SwarmState, _ dispatcher: inout PieceDispatcher?, _ availability: [UInt16],
        isHelp: Bool, now: Double
    ) -> Bool {
        guard let peer = swarm.peers.place(of: key) else { return false }
        var piece = swarm.isFinished ? dispatcher?.assign(to: key, &swarm, availability, now: now) : nil
        if piece == nil, swarm.isFinished {
            piece = swarm.egress?.takers[key]?.lacking.min { $0.value < $1.value }.map { Int($0.key) }
        }
        if let egress = swarm.egress, swarm.isFinished, piece == nil, !swarm.peers[peer].traits.isOrigin {
            // With second copies, the budget could not be kept.
            guard dispatcher?.hasGivenAll != false else {
                swarm.peers[peer].grants.hasNoPiece(now: now)
                return false
            }
            if isHelp, !egress.isStarved(key, for: egress.limits.patience, now: now) {
                swarm.egress?.helped()
                swarm.peers[peer].grants.isBarred = true
            }
        }
        order.granted(to: peer, &swarm)
        beginCounting(peer, &swarm, now: now)
        granted.change(peer, &swarm) { $0.given.append(Int32(piece ?? -1)) }
        if let piece, swarm.configuration.superSeed { swarm.send(key, .have(UInt32(truncatingIfNeeded: piece))) }
        swarm.send(key, .extended(.grant(piece.map { UInt32(truncatingIfNeeded: $0) })))
        return true
    }

    // MARK: The end of a grant

    /// The peer has sent all requests that use its grant.
    mutating func receivedGrantOver(
        from key: PeerKey, _ swarm: inout SwarmState, _ dispatcher: inout PieceDispatcher?, _ availability: [UInt16],
        now: Double
    ) {
        guard let peer = swarm.peers.place(of: key), !swarm.peers[peer].grants.given.isEmpty else { return }
        let piece = Int(swarm.peers[peer].grants.given[0])
        granted.change(peer, &swarm) { $0.given.removeFirst() }
        if swarm.peers[peer].grants.asked > 0 {
            swarm.peers[peer].grants.wasUsed()
        } else {
            if piece >= 0 { dispatcher?.refused(piece, by: key) }
            swarm.peers[peer].grants.wasNotUsed(now: now)
        }
        wake()
        issue(&swarm, &dispatcher, availability, now: now)
    }

    /// Frees the uplink that was granted to a peer.
    mutating func revoke(from key: PeerKey, _ swarm: inout SwarmState, _ dispatcher: inout PieceDispatcher?) {
        guard let peer = swarm.peers.place(of: key) else { return }
        let given = swarm.peers[peer].grants.given
        granted.change(peer, &swarm) { ($0.given, $0.queued, $0.asked) = ([], 0, 0) }
        for piece in given where piece >= 0 { dispatcher?.refused(Int(piece), by: key) }
        wake()
    }
}

import Metainfo
import PeerWire

/// Sites: of several hosts behind one uplink, one fetches each piece over it, and says so; the others have it of that
/// host.
///
/// Without it every host of a site asks far peers for the pieces that are rarest, which are the same ones, and the uplink
/// carries them as many times. Peers are near or far; where nobody near knows claims, nobody counts as far.
extension SiteClaims {
    /// The peer stands outside our site, and others of our site do not.
    func isFar(_ peer: PeerTable.Place, _ swarm: inout SwarmState) -> Bool {
        members > 0 && !swarm.peers[peer].isNear && !swarm.peers[peer].traits.isWebSeed
    }

    // MARK: Who is near

    /// Call when what is known of a peer has changed, and when it goes.
    /// - Returns: pieces that another host of our site has, and that we need not fetch, see ``RequestPlanner/giveWay(_:_:_:)``.
    mutating func update(
        _ key: PeerKey, isNear: Bool, takesClaims: Bool, _ swarm: inout SwarmState
    ) -> [Int] {
        guard let peer = swarm.peers.place(of: key) else { return [] }
        let isMember = isNear && takesClaims
        if isMember != swarm.peers[peer].isSiteMember {
            swarm.peers[peer].isSiteMember = isMember
            if isMember { memberCame() } else { memberLeft() }
            if !isMember { forget(key) }
        }
        guard isNear != swarm.peers[peer].isNear else { return [] }
        swarm.peers[peer].isNear = isNear
        if isNear { outsiderLeft() } else { outsiderCame() }
        return updateHolder(key, &swarm)
    }

    /// A seed near us that gives out what nobody has is asked for nothing else, so all else of it is not at hand: what
    /// it gave to others outside may come back from there. Call when that has changed.
    /// - Returns: pieces that we need not fetch.
    mutating func updateHolder(_ key: PeerKey, _ swarm: inout SwarmState) -> [Int] {
        guard let peer = swarm.peers.place(of: key) else { return [] }
        // Every change is a look at all pieces: a peer that changes too often is a holder.
        let isGivingOut = swarm.peers[peer].isDispatching || swarm.peers[peer].grants.areNamed
        let isExcused = isGivingOut && swarm.peers[peer].excuses < PeerState.mostExcuses
        let isHolder = swarm.peers[peer].isNear && !isExcused
        guard isHolder != swarm.peers[peer].isHolder else { return [] }
        swarm.peers[peer].isHolder = isHolder
        if isExcused { swarm.peers[peer].excuses += 1 }
        return isHolder ? gain(swarm.peers[peer].holdings, by: key) : lose(swarm.peers[peer].holdings)
    }

    private mutating func lose(_ pieces: PieceSet) -> [Int] {
        pieces.forEach { lose($0) }
        return []
    }

    /// - Returns: those of the pieces that we need not fetch.
    mutating func gain(_ pieces: PieceSet, by key: PeerKey) -> [Int] {
        var needless: [Int] = []
        pieces.forEach { if gain($0, by: key) { needless.append($0) } }
        return needless
    }

    /// A near peer has a piece more.
    /// - Returns: whether we need not fetch it, though we are about to.
    mutating func gain(_ piece: Int, by key: PeerKey) -> Bool {
        gain(piece)
        keep(piece, by: key)
        return isOwn(piece) && bars(piece)
    }

    // MARK: Claims

    /// We ask a far peer for blocks of a piece.
    mutating func claim(_ piece: Int, _ swarm: inout SwarmState, now: Double) {
        if take(piece, now: now) { tellClaim(piece, &swarm) }
    }

    private func tellClaim(_ piece: Int, _ swarm: inout SwarmState) {
        let message = ExtendedMessage.claim(piece: UInt32(truncatingIfNeeded: piece), number: number(of: piece))
        for key in swarm.peers.keys where swarm.peers[key]?.isSiteMember == true {
            swarm.send(key, .extended(message))
        }
    }

    /// - Returns: the piece, if we need not fetch it.
    mutating func received(
        claim raw: UInt32, number: UInt32, from key: PeerKey, _ swarm: inout SwarmState, now: Double
    ) -> Int? {
        guard let piece = swarm.layout.piece(Int(raw))?.value else {
            swarm.violation(key, "claim of a piece out of range")
            return nil
        }
        guard let peer = swarm.peers.place(of: key), swarm.peers[peer].isSiteMember, swarm.isMissing(piece),
            !swarm.peers[peer].holdings.contains(piece)
        else { return nil }
        hear(piece, from: key, number: number, now: now)
        return isOwn(piece) && bars(piece) ? piece : nil
    }

    /// Call a few times a second.
    /// - Parameter open: pieces that are being gathered, the oldest first.
    mutating func tick(open: [Int], _ swarm: inout SwarmState, now: Double) {
        guard members > 0 else { return }
        expire(now: now)
        let (near, far) = swarm.asksPeers ? whoHasMore(&swarm) : (false, false)
        supply.look(isSupplied: near, isKept: far, now: now)
        for piece in open where isDue(piece, now: now) {
            if isComingFromFar(piece, &swarm) {
                told(piece, now: now)
                tellClaim(piece, &swarm)
            } else {
                disown(piece)
            }
        }
    }

    /// Whether near peers, and far ones that serve us, have what we lack.
    private func whoHasMore(_ swarm: inout SwarmState) -> (near: Bool, far: Bool) {
        var has = (near: false, far: false)
        for key in swarm.peers.keys {
            guard let peer = swarm.peers.place(of: key), swarm.peers[peer].wantedCount > 0 else { continue }
            if swarm.peers[peer].isNear {
                has.near = true
            } else if isFar(peer, &swarm), !swarm.peers[peer].isChokingUs {
                has.far = true
            }
        }
        return has
    }

    private func isComingFromFar(_ piece: Int, _ swarm: inout SwarmState) -> Bool {
        for key in swarm.peers.keys {
            guard let peer = swarm.peers.place(of: key), isFar(peer, &swarm) else { continue }
            if swarm.peers[peer].outstanding.contains(where: { $0.span.piece == piece && !$0.isCancelled }) {
                return true
            }
        }
        return false
    }
}

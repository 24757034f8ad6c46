import Metainfo
import PeerWire

/// Of several hosts behind one uplink, one downloads each piece over it and claims the piece; the others get it from
/// that host.
///
/// Without claims, every host of a site requests the rarest pieces from peers outside, which are the same pieces for
/// all, and the uplink carries each of them several times. A near peer is at our site; all others are far. While no
/// near peer supports claims, no peer counts as far.
extension SiteClaims {
    /// Whether the peer is outside our site, while other peers are inside.
    func isFar(_ peer: PeerTable.Place, _ swarm: inout SwarmState) -> Bool {
        members > 0 && !swarm.peers[peer].isNear && !swarm.peers[peer].traits.isWebSeed
    }

    // MARK: Near peers

    /// Call when the traits of a peer have changed, and when it leaves.
    /// - Returns: pieces that another host of our site has, so that we need not download them from far peers, see
    ///   ``RequestPlanner/giveWay(_:_:_:)``.
    package mutating func update(
        _ key: PeerKey, isNear: Bool, supportsClaims: Bool, _ swarm: inout SwarmState
    ) -> [Int] {
        guard let peer = swarm.peers.place(of: key) else { return [] }
        let isMember = isNear && supportsClaims
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

    /// A near seed that dispatches pieces is asked only for those, so its other pieces do not count as present at our
    /// site: pieces it dispatched to far peers may have to come back from there. Call when its dispatching has changed.
    /// - Returns: pieces that we need not download from far peers.
    mutating func updateHolder(_ key: PeerKey, _ swarm: inout SwarmState) -> [Int] {
        guard let peer = swarm.peers.place(of: key) else { return [] }
        // Every change examines all pieces. A peer that changes too often counts as a holder.
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

    /// - Returns: the pieces that we need not download from far peers.
    package mutating func gain(_ pieces: PieceSet, by key: PeerKey) -> [Int] {
        var needless: [Int] = []
        pieces.forEach { if gain($0, by: key) { needless.append($0) } }
        return needless
    }

    /// A near peer has one more piece.
    /// - Returns: whether we have claimed the piece and need not download it any more.
    package mutating func gain(_ piece: Int, by key: PeerKey) -> Bool {
        gain(piece)
        keep(piece, by: key)
        return isOwn(piece) && bars(piece)
    }

    // MARK: Claims

    /// Claims a piece, because we request blocks of it from a far peer.
    package mutating func claim(_ piece: Int, _ swarm: inout SwarmState, now: Double) {
        if addOwn(piece, now: now) { tellClaim(piece, &swarm) }
    }

    private func tellClaim(_ piece: Int, _ swarm: inout SwarmState) {
        let message = ExtendedMessage.claim(piece: UInt32(truncatingIfNeeded: piece), number: number(of: piece))
        for key in swarm.peers.keys where swarm.peers[key]?.isSiteMember == true {
            swarm.send(key, .extended(message))
        }
    }

    /// - Returns: the piece, if we need not download it any more.
    package mutating func received(
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
    /// - Parameter open: pieces that are being downloaded, the oldest first.
    package mutating func tick(open: [Int], _ swarm: inout SwarmState, now: Double) {
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

    /// Whether near peers, and far peers that do not choke us, have pieces that we are missing.
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

import Metainfo
import PeerWire

/// Sites: of several hosts behind one line, one fetches each piece over it, and says so; the others have it of him.
///
/// Without it every host of a site asks far peers for the pieces that are rarest, which are the same ones, and the line
/// carries them as many times. Peers are near or far; where nobody near knows claims, nobody counts as far.
extension SwarmMachine {
    /// It stands outside our site, and others of our site do not.
    func isFar(_ peer: PeerTable.Place) -> Bool {
        sites.members > 0 && !peers[peer].isNear && !peers[peer].traits.isWebSeed
    }

    /// The piece is here, or comes by another, and is not to be asked of this peer. What only this peer may send is.
    func isBarred(_ piece: Int, for peer: PeerTable.Place) -> Bool {
        guard isFar(peer), sites.bars(piece) else { return false }
        guard let place = open.place(of: piece) else { return true }
        return open[place].exclusiveOwner != peers[peer].key
    }

    /// Whether announcements to the peer may wait a little, so that many go together over the line of our site. Not
    /// where it waits for them before it gives more.
    public func mayHoldAnnouncements(to key: PeerKey) -> Bool {
        guard let peer = peers.place(of: key) else { return false }
        return isFar(peer) && !peers[peer].isDispatching && !peers[peer].turns.givesTurns
    }

    /// Half of the buffers are for what comes from near, however slowly the rest comes.
    func mayClaimMore() -> Bool {
        sites.ownCount == 0 || 2 * (sites.ownCount + 1) * layout.pieceLength <= mostOpenBytes
    }

    /// Which piece to begin next where some peers are far: of a near peer what the fewest of our site have, of a far
    /// one what is rarest of all that nobody of ours has or claims. At random among equals: what a neighbour begins at
    /// the same time comes to the site twice, or does not come to be handed on.
    mutating func pickBySite(for peer: PeerTable.Place) -> Int? {
        guard isFar(peer) else {
            if peers[peer].traits.isWebSeed { return picker.pick(from: peers[peer].holdings, neighbour: nil) }
            let (sites, from) = (sites, Int.random(in: 0..<layout.pieceCount, using: &generator))
            return picker.least(of: peers[peer].holdings, from: from) { sites.copies(of: $0) }
        }
        guard mayClaimMore() else { return nil }
        let from = Int.random(in: 0..<layout.pieceCount, using: &generator)
        return picker.least(of: sites.open(of: peers[peer].holdings), from: from) { picker.copies(of: $0) }
    }

    // MARK: Who is near

    /// To be called when what is known of a peer has changed, and when it goes.
    mutating func updateSite(of key: PeerKey, isNear: Bool, takesClaims: Bool) {
        guard let peer = peers.place(of: key) else { return }
        let isMember = isNear && takesClaims
        if isMember != peers[peer].isSiteMember {
            peers[peer].isSiteMember = isMember
            if isMember { sites.memberCame() } else { sites.memberLeft() }
            if !isMember { sites.forget(key) }
        }
        guard isNear != peers[peer].isNear else { return }
        peers[peer].isNear = isNear
        if isNear { sites.outsiderLeft() } else { sites.outsiderCame() }
        updateHolder(key)
    }

    /// A seed near us that gives out what nobody has is asked for nothing else, so all else of it is not at hand: what
    /// it gave to others outside may come back from there. To be called when that has changed.
    mutating func updateHolder(_ key: PeerKey) {
        guard let peer = peers.place(of: key) else { return }
        // Every change is a look at all pieces: who changes his mind too often is a holder.
        let isGivingOut = peers[peer].isDispatching || peers[peer].turns.areNamed
        let isExcused = isGivingOut && peers[peer].excuses < PeerState.mostExcuses
        let isHolder = peers[peer].isNear && !isExcused
        guard isHolder != peers[peer].isHolder else { return }
        peers[peer].isHolder = isHolder
        if isExcused { peers[peer].excuses += 1 }
        let holdings = peers[peer].holdings
        holdings.forEach { if isHolder { gainedNear($0, by: key) } else { sites.lose($0) } }
    }

    /// A near peer has a piece more.
    mutating func gainedNear(_ piece: Int, by key: PeerKey) {
        sites.gain(piece)
        sites.keep(piece, by: key)
        if sites.isOwn(piece), sites.bars(piece) { giveWay(piece) }
    }

    // MARK: Claims

    /// We ask a far peer for blocks of a piece.
    mutating func claim(_ piece: Int, now: Double) {
        if sites.take(piece, now: now) { tellClaim(piece) }
    }

    private mutating func tellClaim(_ piece: Int) {
        let message = ExtendedMessage.claim(piece: UInt32(truncatingIfNeeded: piece), number: sites.number(of: piece))
        for key in peers.keys where peers[key]?.isSiteMember == true { send(key, .extended(message)) }
    }

    mutating func receivedClaim(_ raw: UInt32, number: UInt32, from key: PeerKey, now: Double) {
        guard let piece = layout.piece(Int(raw))?.value else { return violation(key, "claim of a piece out of range") }
        guard let peer = peers.place(of: key), peers[peer].isSiteMember, isMissing(piece),
            !peers[peer].holdings.contains(piece)
        else { return }
        sites.hear(piece, from: key, number: number, now: now)
        if sites.isOwn(piece), sites.bars(piece) { giveWay(piece) }
    }

    /// Another of our site has the piece, or goes on fetching it: what far peers owe us of it, and have not begun to
    /// send, they need not.
    private mutating func giveWay(_ piece: Int) {
        guard let place = open.place(of: piece), !open[place].isVerifying, open[place].exclusiveOwner == nil,
            sites.disown(piece)
        else { return }
        for key in peers.keys {
            guard let peer = peers.place(of: key), isFar(peer), peers[peer].outstandingBytes > 0 else { continue }
            for request in peers[peer].outstanding
            where request.span.piece == piece && !request.isCancelled
                && !open[place].isReceiving(request.span, from: key)
            {
                forget(request, of: key)
                cancel(request, of: key)
            }
        }
        guard open[place].isUntouched else { return }
        close(piece)
        picker.insert(piece)
    }

    /// To be called a few times a second.
    mutating func lookAtSites(now: Double) {
        guard sites.members > 0 else { return }
        sites.expire(now: now)
        let (near, far) = asksPeers ? whoHasMore : (false, false)
        sites.supply.look(isSupplied: near, isKept: far, now: now)
        for piece in openOrder where sites.isDue(piece, now: now) {
            if isComingFromFar(piece) {
                sites.told(piece, now: now)
                tellClaim(piece)
            } else {
                sites.disown(piece)
            }
        }
    }

    /// Whether near peers, and far ones that serve us, have what we lack.
    private var whoHasMore: (near: Bool, far: Bool) {
        var has = (near: false, far: false)
        for key in peers.keys {
            guard let peer = peers.place(of: key), peers[peer].wantedCount > 0 else { continue }
            if peers[peer].isNear { has.near = true } else if isFar(peer), !peers[peer].isChokingUs { has.far = true }
        }
        return has
    }

    private func isComingFromFar(_ piece: Int) -> Bool {
        peers.keys.contains { key in
            guard let peer = peers.place(of: key), isFar(peer) else { return false }
            return peers[peer].outstanding.contains { $0.span.piece == piece && !$0.isCancelled }
        }
    }
}

import Metainfo

/// A seed's hand: gives each piece that no leecher has yet to one of them, so that each leaves the seed once before any
/// leaves it twice.
///
/// With super-seeding (BEP 16) a peer is told only of its assigned pieces. Otherwise the seed sends an honest bitfield
/// and suggests the pieces (BEP 6); Swoop leechers follow suggestions strictly.
package struct PieceDispatcher: Sendable {
    /// Pieces that have not been assigned, in order from a random start: the seed's disk is read forward, and two seeds
    /// begin at different pieces. Entries before `head` are done.
    private var queue: [Int32]
    private var head = 0
    /// End of the entries to assign; those after it are for other origins to assign.
    private var end: Int
    private var share = OwnerShare()
    /// Other origins whose shares are ours too, because they give nothing.
    private var silent: Set<Int> = []
    /// For each connected peer that was ever assigned a piece, the pieces it has not announced yet.
    private var assigned: [PeerKey: [Assignment]] = [:]
    private var isGiven: PieceSet
    /// For each dispatched piece that only its assigned peer has so far, that peer; and the number of such pieces of
    /// each peer.
    private var holders: [Int32: PeerKey] = [:]
    private var held: [PeerKey: Int] = [:]

    private struct Assignment: Sendable {
        let piece: Int
        let at: Double
    }

    /// Maximum number of candidates that are passed over for one peer.
    private static let scanLimit = 256
    /// Number of done entries from which they are removed.
    private static let mostDone = 4096
    /// Maximum number of pieces that only one peer has: this many, and this multiple of the other peers' average.
    private static let leastHeld = 2
    private static let mostHeld = 2

    package init(pieces: [Int], pieceCount: Int, using generator: inout some RandomNumberGenerator) {
        let start = pieces.isEmpty ? 0 : Int.random(in: 0..<pieces.count, using: &generator)
        queue = (pieces[start...] + pieces[..<start]).map(Int32.init)
        end = queue.count
        isGiven = PieceSet(size: pieceCount)
    }

    /// Leaves pieces to other origins, except for those that are silent.
    package mutating func leave(to share: OwnerShare, silent: Set<Int>) {
        (self.share, self.silent) = (share, silent)
        queue.removeFirst(head)
        let ours = queue.filter { isOurs(Int($0)) }
        queue = ours + queue.filter { !isOurs(Int($0)) }
        (head, end) = (0, ours.count)
    }

    private func isOurs(_ piece: Int) -> Bool { share.isOurs(piece, silent: silent) }

    /// Whether every piece that is for us to assign has been assigned, or requested without an assignment.
    package var hasGivenAll: Bool { head >= end }

    /// Whether every piece has been assigned and has been announced by some peer.
    package var hasSpread: Bool { hasGivenAll && assigned.values.allSatisfy(\.isEmpty) }

    /// Number of entries, including done ones.
    package var queueLength: Int { queue.count }

    /// Number of pieces assigned to the peer that it has not announced yet.
    package func outstanding(_ peer: PeerKey) -> Int { assigned[peer]?.count ?? 0 }

    /// Whether the peer holds many more pieces that no other peer has than others do: it passes them on slowly, or not
    /// at all. Pieces assigned to it now would reach other peers late.
    package func isSlowToSpread(_ peer: PeerKey) -> Bool {
        let own = held[peer] ?? 0
        guard own > Self.leastHeld else { return false }
        return own * (assigned.count - 1) > Self.mostHeld * (holders.count - own)
    }

    /// Whether the piece was assigned, or requested or announced without that, and is not to be assigned again.
    func isGiven(_ piece: Int) -> Bool { isGiven.contains(piece) }

    package func isAssigned(_ piece: Int, to peer: PeerKey) -> Bool {
        assigned[peer]?.contains { $0.piece == piece } ?? false
    }

    /// Assigns the next piece to the peer; nil if there is none left that it wants.
    package mutating func assign(to peer: PeerKey, now: Double, isWanted: (Int) -> Bool) -> Int? {
        var index = head
        let last = min(end, head + Self.scanLimit)
        while index < last {
            let piece = Int(queue[index])
            if isGiven.contains(piece) {
                queue.swapAt(index, head)
                head += 1
            } else if isWanted(piece) {
                queue.swapAt(index, head)
                head += 1
                isGiven.insert(piece)
                assigned[peer, default: []].append(Assignment(piece: piece, at: now))
                return piece
            }
            index += 1
        }
        return nil
    }

    /// Assigns a piece that no peer has; nil if there is none left that the peer wants.
    package mutating func assign(
        to key: PeerKey, _ swarm: inout SwarmState, _ availability: [UInt16], now: Double
    ) -> Int? {
        guard !hasGivenAll, let peer = swarm.peers.place(of: key) else { return nil }
        let holdings = swarm.peers[peer].holdings
        if swarm.egress != nil { passOverSpread(availability) }
        return assign(to: key, now: now) { !holdings.contains($0) && availability[$0] == 0 }
    }

    /// Pieces at the head that leechers have in the meantime need no assignment.
    mutating func passOverSpread(_ availability: [UInt16]) {
        while head < end, isGiven.contains(Int(queue[head])) || availability[Int(queue[head])] > 0 {
            isGiven.insert(Int(queue[head]))
            head += 1
        }
    }

    /// A leecher has requested or received the piece without an assignment.
    package mutating func isTaken(_ piece: Int) { isGiven.insert(piece) }

    /// - Returns: whether the piece was assigned to this peer.
    @discardableResult
    package mutating func announced(_ piece: Int, by peer: PeerKey) -> Bool {
        isGiven.insert(piece)
        if let holder = holders[Int32(piece)], holder != peer { release(Int32(piece), of: holder) }
        guard let index = assigned[peer]?.firstIndex(where: { $0.piece == piece }) else { return false }
        assigned[peer]?.remove(at: index)
        holders[Int32(piece)] = peer
        held[peer, default: 0] += 1
        return true
    }

    private mutating func release(_ piece: Int32, of holder: PeerKey) {
        holders[piece] = nil
        guard let count = held[holder] else { return }
        held[holder] = count > 1 ? count - 1 : nil
    }

    /// The peer has the piece, or gets it from another peer. If it does not, the piece is assigned again later.
    package mutating func refused(_ piece: Int, by peer: PeerKey) {
        guard let index = assigned[peer]?.firstIndex(where: { $0.piece == piece }) else { return }
        assigned[peer]?.remove(at: index)
        makeAvailable(piece)
    }

    /// The peer has the piece and tells nobody: others get it too.
    mutating func takeBack(_ piece: Int, from peer: PeerKey) {
        if let index = assigned[peer]?.firstIndex(where: { $0.piece == piece }) { assigned[peer]?.remove(at: index) }
        if isGiven.contains(piece), !assigned.values.contains(where: { $0.contains { $0.piece == piece } }) {
            makeAvailable(piece)
        }
    }

    /// Withdraws the pieces that the peer was assigned and has not announced, so that others can get them.
    mutating func withdrawAll(from peer: PeerKey) {
        for assignment in assigned[peer] ?? [] { makeAvailable(assignment.piece) }
        assigned[peer]?.removeAll()
    }

    package mutating func removePeer(_ peer: PeerKey) {
        withdrawAll(from: peer)
        assigned[peer] = nil
        guard held.removeValue(forKey: peer) != nil else { return }
        holders = holders.filter { $0.value != peer }
    }

    /// Withdraws all assignments from before `time`: some peer may never download its piece.
    package mutating func reclaim(givenBefore time: Double) {
        for (peer, assignments) in assigned.sorted(by: { PeerKey.isBefore($0.key, $1.key) })
        where assignments.contains(where: { $0.at < time }) {
            for assignment in assignments where assignment.at < time { makeAvailable(assignment.piece) }
            assigned[peer] = assignments.filter { $0.at >= time }
        }
    }

    /// Makes pieces that no leecher has any more available again, unless they are assigned.
    mutating func restore(where isLost: (Int) -> Bool) {
        var lost = isGiven
        for assignment in assigned.values.joined() { lost.remove(assignment.piece) }
        lost.forEach { if isLost($0) { makeAvailable($0) } }
    }

    private mutating func makeAvailable(_ piece: Int) {
        isGiven.remove(piece)
        if head > Self.mostDone {
            queue.removeFirst(head)
            end -= head
            head = 0
        }
        queue.append(Int32(piece))
        guard isOurs(piece) else { return }
        if end < queue.count - 1 { queue.swapAt(end, queue.count - 1) }
        end += 1
    }
}

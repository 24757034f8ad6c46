import Metainfo

/// A seed's hand: gives each piece that no leecher has yet to one of them, so that each leaves the seed once before any
/// leaves it twice.
///
/// With super-seeding (BEP 16) what a peer was given is all that it is told we have; otherwise it is a suggestion (BEP
/// 6) beside an honest bitfield, which our own leechers keep to.
struct PieceDispatcher: Sendable {
    /// Pieces never given out, in order from a random start, so that the seed's disk is read forward and two seeds
    /// begin at different ends; those behind `head` are done with.
    private var queue: [Int32]
    private var head = 0
    /// Of each peer that was ever given something, and is still there.
    private var assigned: [PeerKey: [Assignment]] = [:]
    private var isGiven: PieceSet
    /// Of each piece that has come to the peer it was given to, and to nobody else yet, who that is; and how many they
    /// are of each.
    private var holders: [Int32: PeerKey] = [:]
    private var held: [PeerKey: Int] = [:]

    private struct Assignment: Sendable {
        let piece: Int
        let at: Double
    }

    /// Candidates that may be passed over for one peer.
    private static let scanLimit = 256
    /// Entries that are done with are dropped from so many on.
    private static let mostDone = 4096
    /// Pieces that a peer may be the only one to have, and times as many as others are, on average.
    private static let leastHeld = 2
    private static let mostHeld = 2

    init(pieces: [Int], pieceCount: Int, using generator: inout some RandomNumberGenerator) {
        let start = pieces.isEmpty ? 0 : Int.random(in: 0..<pieces.count, using: &generator)
        queue = (pieces[start...] + pieces[..<start]).map(Int32.init)
        isGiven = PieceSet(size: pieceCount)
    }

    /// Every piece has been given to somebody, or somebody has taken it.
    var hasGivenAll: Bool { head >= queue.count }

    /// Every piece has been given, and has come to somebody.
    var hasSpread: Bool { hasGivenAll && assigned.values.allSatisfy(\.isEmpty) }

    /// Entries that it keeps, those that are done with included.
    var queueLength: Int { queue.count }

    /// How many pieces the peer was given that it has not announced yet.
    func outstanding(_ peer: PeerKey) -> Int { assigned[peer]?.count ?? 0 }

    /// The peer is the only one to have many more pieces than others are: it hands them on slowly, or not at all. What
    /// it is given now would come to others late.
    func isSlowToSpread(_ peer: PeerKey) -> Bool {
        let own = held[peer] ?? 0
        guard own > Self.leastHeld else { return false }
        return own * (assigned.count - 1) > Self.mostHeld * (holders.count - own)
    }

    func isAssigned(_ piece: Int, to peer: PeerKey) -> Bool { assigned[peer]?.contains { $0.piece == piece } ?? false }

    /// The next piece for the peer, nil when there is none left that it wants.
    mutating func assign(to peer: PeerKey, now: Double, isWanted: (Int) -> Bool) -> Int? {
        var index = head
        let end = min(queue.count, head + Self.scanLimit)
        while index < end {
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

    /// A piece goes to, or has come to, some leecher without our doing.
    mutating func isTaken(_ piece: Int) { isGiven.insert(piece) }

    /// - Returns: whether it had been given to this peer.
    @discardableResult
    mutating func announced(_ piece: Int, by peer: PeerKey) -> Bool {
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

    /// The peer has it, or gets it from elsewhere: if nobody does in the end, it is given out again.
    mutating func refused(_ piece: Int, by peer: PeerKey) {
        guard let index = assigned[peer]?.firstIndex(where: { $0.piece == piece }) else { return }
        assigned[peer]?.remove(at: index)
        takeBack(piece)
    }

    /// What the peer was given and never announced is given to others.
    mutating func takeBack(from peer: PeerKey) {
        for assignment in assigned[peer] ?? [] { takeBack(assignment.piece) }
        assigned[peer]?.removeAll()
    }

    mutating func removePeer(_ peer: PeerKey) {
        takeBack(from: peer)
        assigned[peer] = nil
        guard held.removeValue(forKey: peer) != nil else { return }
        holders = holders.filter { $0.value != peer }
    }

    /// The same for what was given before `time` to anybody: somebody may never fetch it.
    mutating func reclaim(givenBefore time: Double) {
        for (peer, assignments) in assigned.sorted(by: { PeerKey.isBefore($0.key, $1.key) })
        where assignments.contains(where: { $0.at < time }) {
            for assignment in assignments where assignment.at < time { takeBack(assignment.piece) }
            assigned[peer] = assignments.filter { $0.at >= time }
        }
    }

    /// Pieces that no leecher has any more are given out again, unless one is about to get them.
    mutating func restore(where isLost: (Int) -> Bool) {
        var lost = isGiven
        for assignment in assigned.values.joined() { lost.remove(assignment.piece) }
        lost.forEach { if isLost($0) { takeBack($0) } }
    }

    private mutating func takeBack(_ piece: Int) {
        isGiven.remove(piece)
        if head > Self.mostDone {
            queue.removeFirst(head)
            head = 0
        }
        queue.append(Int32(piece))
    }
}

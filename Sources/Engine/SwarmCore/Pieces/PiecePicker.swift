import Metainfo

/// Which piece to begin next: the rarest that a peer has, at random among equals, next to the last one where that costs
/// no rarity.
///
/// Pieces to begin are in one array sorted by availability, in runs ("buckets") of equal availability, so that a change
/// of one piece's availability is one swap. Peers that have everything are counted once for all pieces.
package struct PiecePicker: Sendable {
    /// Number of peers that have the piece, without peers that have every piece.
    package private(set) var availability: [UInt16]
    /// Number of peers that have every piece.
    private(set) var fullPeers = 0
    private var order: [Int32] = []
    private var position: [Int32]
    /// `ends[a]`: the end in `order` of the pieces of availability `a` or less.
    private var ends: [Int] = [0]
    package private(set) var pickable: PieceSet

    /// Number of candidates examined in order of rarity before any suitable piece is taken.
    private static let scanLimit = 2048
    /// If a peer has none of the first candidates, it may have few wanted pieces. If so, their positions are compared
    /// instead.
    private static let shortScan = 32
    private static let few = 256

    package init(pieceCount: Int) {
        availability = Array(repeating: 0, count: pieceCount)
        position = Array(repeating: -1, count: pieceCount)
        pickable = PieceSet(size: pieceCount)
    }

    package var isEmpty: Bool { order.isEmpty }
    package var count: Int { order.count }
    /// Whether some piece to begin is held by no peer, not counting peers that have everything.
    var hasUnseen: Bool { ends[0] > 0 }

    /// Number of copies of a piece among the peers.
    package func copies(of piece: Int) -> Int { Int(availability[piece]) + fullPeers }

    // MARK: Availability

    mutating func addFullPeer() { fullPeers += 1 }
    mutating func removeFullPeer() { fullPeers -= 1 }

    /// Call when a peer with these pieces joins or leaves.
    package mutating func add(_ holdings: PieceSet) {
        if holdings.isFull { addFullPeer() } else { holdings.forEach { increase($0) } }
    }

    package mutating func remove(_ holdings: PieceSet, countsAsFull: Bool) {
        if countsAsFull { removeFullPeer() } else { holdings.forEach { decrease($0) } }
    }

    /// With this piece, which is not counted yet, the peer has all.
    mutating func completed(with piece: Int) {
        for index in availability.indices where index != piece { decrease(index) }
        addFullPeer()
    }

    /// The peer had all pieces and has lost this one.
    mutating func completeNoMore(without piece: Int) {
        removeFullPeer()
        for index in availability.indices where index != piece { increase(index) }
    }

    package mutating func increase(_ piece: Int) {
        let old = Int(availability[piece])
        guard old < Int(UInt16.max) else { return }
        availability[piece] += 1
        guard position[piece] >= 0 else { return }
        grow(to: old + 1)
        swap(Int(position[piece]), ends[old] - 1)
        ends[old] -= 1
    }

    package mutating func decrease(_ piece: Int) {
        let old = Int(availability[piece])
        guard old > 0 else { return }
        availability[piece] -= 1
        guard position[piece] >= 0 else { return }
        swap(Int(position[piece]), ends[old - 1])
        ends[old - 1] += 1
    }

    // MARK: Pieces to begin

    /// Adds pieces that can be picked, in random order among equals.
    package mutating func insert(_ pieces: [Int], using generator: inout some RandomNumberGenerator) {
        for piece in pieces.shuffled(using: &generator) { insert(piece) }
    }

    package mutating func insert(_ piece: Int) {
        guard pickable.insert(piece) else { return }
        let bucket = Int(availability[piece])
        grow(to: bucket)
        position[piece] = Int32(order.count)
        order.append(Int32(piece))
        for higher in stride(from: ends.count - 1, to: bucket, by: -1) {
            swap(Int(position[piece]), ends[higher - 1])
            ends[higher] += 1
        }
        ends[bucket] += 1
    }

    package mutating func remove(_ piece: Int) {
        guard pickable.remove(piece) else { return }
        for bucket in Int(availability[piece])..<ends.count {
            swap(Int(position[piece]), ends[bucket] - 1)
            ends[bucket] -= 1
        }
        order.removeLast()
        position[piece] = -1
    }

    /// - Parameters:
    ///   - holdings: the peer's pieces.
    ///   - neighbour: a piece to prefer among equals (the one after the peer's last), or nil.
    package func pick(from holdings: PieceSet, neighbour: Int?) -> Int? {
        guard let piece = rarest(of: holdings) else { return nil }
        if let neighbour, neighbour < availability.count, position[neighbour] >= 0, holdings.contains(neighbour),
            availability[neighbour] <= availability[piece]
        {
            return neighbour
        }
        return piece
    }

    /// The piece with the lowest count, among some consecutive candidates.
    /// - Parameter from: where to begin, below the number of pieces.
    package func least(of holdings: PieceSet, from: Int, by count: (Int) -> Int) -> Int? {
        var best: (piece: Int, count: Int)?
        var (next, looked, hasWrapped) = (from, 0, false)
        while looked < Self.few {
            guard let piece = pickable.firstCommon(with: holdings, from: next) else {
                if hasWrapped || from == 0 { break }
                (next, hasWrapped) = (0, true)
                continue
            }
            if hasWrapped, piece >= from { break }
            looked += 1
            let count = count(piece)
            if count < best?.count ?? .max { best = (piece, count) }
            next = piece + 1
        }
        return best?.piece
    }

    private func rarest(of holdings: PieceSet) -> Int? {
        let first = order.prefix(Self.shortScan)
        if let held = first.first(where: { holdings.contains(Int($0)) }) { return Int(held) }
        guard order.count > first.count else { return nil }
        if pickable.countCommon(with: holdings) <= Self.few {
            var least = Int32.max
            pickable.forEachCommon(with: holdings) { least = min(least, position[$0]) }
            return least < .max ? Int(order[Int(least)]) : nil
        }
        let further = order[first.count..<min(Self.scanLimit, order.count)]
        if let held = further.first(where: { holdings.contains(Int($0)) }) { return Int(held) }
        return pickable.firstCommon(with: holdings)
    }

    private mutating func grow(to bucket: Int) {
        while ends.count <= bucket { ends.append(order.count) }
    }

    private mutating func swap(_ first: Int, _ second: Int) {
        guard first != second else { return }
        order.swapAt(first, second)
        position[Int(order[first])] = Int32(first)
        position[Int(order[second])] = Int32(second)
    }
}

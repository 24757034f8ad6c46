/// Which pieces come first for those who read content while it arrives: for each of them the pieces that it needs next.
public struct ReadAhead: Sendable {
    /// Missing pieces beyond the one that a reader needs now.
    static let ahead = 8
    /// Pieces that are urgent at a time: with many readers each has fewer of them.
    package static let most = 64

    /// Pieces that each reader has still to read.
    private var readers: [(id: UInt64, pieces: Range<Int>)] = []

    public init() {}

    public var isEmpty: Bool { readers.isEmpty }

    /// Sets what a reader has still to read.
    public mutating func set(_ id: UInt64, _ pieces: Range<Int>) {
        if let place = readers.firstIndex(where: { $0.id == id }) {
            readers[place].pieces = pieces
        } else {
            readers.append((id, pieces))
        }
    }

    public mutating func remove(_ id: UInt64) { readers.removeAll { $0.id == id } }

    /// The piece that each reader needs next, then the second of each, and so on.
    public func urgent(isMissing: (Int) -> Bool) -> [Int] {
        let wanted = readers.map { reader in
            var found: [Int] = []
            for piece in reader.pieces where isMissing(piece) {
                found.append(piece)
                if found.count > Self.ahead { break }
            }
            return found
        }
        var (order, seen): ([Int], Set<Int>) = ([], [])
        for round in 0...Self.ahead {
            for pieces in wanted where round < pieces.count {
                if order.count == Self.most { return order }
                if seen.insert(pieces[round]).inserted { order.append(pieces[round]) }
            }
        }
        return order
    }
}

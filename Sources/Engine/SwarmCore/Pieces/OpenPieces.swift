/// The pieces that are open, by index: few, looked at many times for every block, so found without hashing.
struct OpenPieces: Sendable {
    private var states: ContiguousArray<OpenPiece?> = []
    /// By piece, where its state lies; -1 for one that is not open.
    private var places: ContiguousArray<Int32>
    private var free: [Int32] = []
    /// Blocks that nobody has been asked for, of all of them.
    private(set) var freeBlocks = 0
    /// The oldest first.
    private(set) var order: [Int] = []
    /// Bytes of the pieces that are open, and how many they may be.
    private(set) var bytes = 0
    var mostBytes: Int

    init(pieceCount: Int, mostBytes: Int = .max) {
        self.mostBytes = mostBytes
        places = ContiguousArray(repeating: -1, count: pieceCount)
    }

    var count: Int { states.count - free.count }

    /// Whether another piece of this length may be opened. One piece is always allowed.
    func hasRoom(for length: Int) -> Bool { bytes == 0 || bytes + length <= mostBytes }

    mutating func begin(_ state: OpenPiece) {
        self[state.piece] = state
        order.append(state.piece)
        bytes += state.length
    }

    /// - Returns: what is known of the piece; nil if it was not open.
    mutating func close(_ piece: Int) -> OpenPiece? {
        guard let state = removeValue(forKey: piece) else { return nil }
        if let place = order.firstIndex(of: piece) { order.remove(at: place) }
        bytes -= state.length
        return state
    }

    /// Where the state of an open piece lies; good until a piece is opened or closed.
    struct Place: Sendable {
        fileprivate let index: Int
    }

    /// nil for a piece that is not open.
    @inline(__always)
    func place(of piece: Int) -> Place? {
        let place = places[piece]
        return place >= 0 ? Place(index: Int(place)) : nil
    }

    /// For what is done often: a look at one field costs just that.
    subscript(place: Place) -> OpenPiece {
        _read { yield states[place.index]! }
        _modify {
            let before = states[place.index]!.freeCount
            yield &states[place.index]!
            freeBlocks += states[place.index]!.freeCount - before
        }
    }

    /// nil for a piece that is not open; opens and closes it as with a dictionary.
    subscript(piece: Int) -> OpenPiece? {
        _read {
            if let place = place(of: piece) { yield states[place.index] } else { yield nil }
        }
        _modify {
            let place = places[piece] >= 0 ? Int(places[piece]) : takePlace()
            let before = states[place]?.freeCount ?? 0
            yield &states[place]
            freeBlocks += (states[place]?.freeCount ?? 0) - before
            if states[place] != nil {
                places[piece] = Int32(place)
            } else {
                places[piece] = -1
                free.append(Int32(place))
            }
        }
    }

    /// Closes a piece.
    mutating func removeValue(forKey piece: Int) -> OpenPiece? {
        defer { self[piece] = nil }
        return self[piece]
    }

    private mutating func takePlace() -> Int {
        if let place = free.popLast() { return Int(place) }
        states.append(nil)
        return states.count - 1
    }
}

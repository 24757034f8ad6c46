/// The open pieces, by index. They are few and are read many times for every block, so lookup does not hash.
package struct OpenPieces: Sendable {
    private var states: ContiguousArray<OpenPiece?> = []
    /// For each piece, the position of its state; -1 if it is not open.
    private var places: ContiguousArray<Int32>
    private var free: [Int32] = []
    /// Number of blocks that have not been requested, over all open pieces.
    package private(set) var freeBlocks = 0
    /// Open pieces, the oldest first.
    private(set) var order: [Int] = []
    /// Bytes of the open pieces, and the maximum.
    package private(set) var bytes = 0
    package var mostBytes: Int
    /// What the maximum is not raised above, where several torrents share memory.
    package var limit = Int.max

    package init(pieceCount: Int, mostBytes: Int = .max) {
        self.mostBytes = mostBytes
        places = ContiguousArray(repeating: -1, count: pieceCount)
    }

    package var count: Int { states.count - free.count }

    /// Whether another piece of this length may be opened. One piece is always allowed.
    func hasRoom(for length: Int) -> Bool { bytes == 0 || bytes + length <= mostBytes }

    package mutating func begin(_ state: OpenPiece) {
        self[state.piece] = state
        order.append(state.piece)
        bytes += state.length
    }

    /// - Returns: the state of the piece; nil if it was not open.
    package mutating func close(_ piece: Int) -> OpenPiece? {
        guard let state = removeValue(forKey: piece) else { return nil }
        if let place = order.firstIndex(of: piece) { order.remove(at: place) }
        bytes -= state.length
        return state
    }

    /// The position of an open piece's state; valid until a piece is opened or closed.
    package struct Place: Sendable {
        fileprivate let index: Int
    }

    /// nil for a piece that is not open.
    @inline(__always)
    package func place(of piece: Int) -> Place? {
        let place = places[piece]
        return place >= 0 ? Place(index: Int(place)) : nil
    }

    /// For frequent code: reading one field costs only that.
    package subscript(place: Place) -> OpenPiece {
        _read { yield states[place.index]! }
        _modify {
            let before = states[place.index]!.freeCount
            yield &states[place.index]!
            freeBlocks += states[place.index]!.freeCount - before
        }
    }

    /// nil for a piece that is not open. Setting opens or closes the piece, as in a dictionary.
    package subscript(piece: Int) -> OpenPiece? {
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
    package mutating func removeValue(forKey piece: Int) -> OpenPiece? {
        defer { self[piece] = nil }
        return self[piece]
    }

    /// Seconds to wait for a piece in the end game before another peer is asked for its blocks: twice the time that our
    /// downlink needs for everything in flight, at most 2. Sooner, it would only bring the same bytes again, ahead of
    /// those that are missing.
    package func patience(downloadRate rate: Double) -> Double {
        rate > 0 ? min(2, 2 * Double(bytes) / rate) : 0
    }

    private mutating func takePlace() -> Int {
        if let place = free.popLast() { return Int(place) }
        states.append(nil)
        return states.count - 1
    }
}

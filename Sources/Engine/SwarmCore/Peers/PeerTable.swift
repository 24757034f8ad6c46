/// The peers of a torrent, by key. A slot is used again, its generation is not.
///
/// A look at one field of a peer must not cost a copy of all of it, as `peers[key]?.wantedCount` does: what is done
/// often goes by ``Place``, through accessors that the compiler can inline, since nothing of them is optional.
struct PeerTable: Sendable {
    /// By slot; nil for one that is free.
    private var states: ContiguousArray<PeerState?> = []
    private var generations: ContiguousArray<UInt32> = []
    private var free: [Int32] = []
    /// In no order that means anything, and the same in every run.
    private(set) var keys: [PeerKey] = []

    var count: Int { keys.count }

    /// - Parameter place: among the keys, 0 to their number: who came first is not to be first in everything.
    mutating func add(at place: Int, _ make: (PeerKey) -> PeerState) -> PeerKey {
        let slot: Int32
        if let reused = free.popLast() {
            slot = reused
        } else {
            slot = Int32(generations.count)
            generations.append(0)
        }
        let key = PeerKey(slot: slot, generation: generations[Int(slot)])
        if Int(slot) == states.count { states.append(make(key)) } else { states[Int(slot)] = make(key) }
        keys.append(key)
        keys.swapAt(place, keys.count - 1)
        return key
    }

    mutating func remove(_ key: PeerKey) -> PeerState? {
        guard let place = keys.firstIndex(of: key) else { return nil }
        keys.swapAt(place, keys.count - 1)
        keys.removeLast()
        free.append(key.slot)
        generations[Int(key.slot)] &+= 1
        defer { states[Int(key.slot)] = nil }
        return states[Int(key.slot)]
    }

    /// Where a peer's state lies; good until somebody comes or goes.
    struct Place: Sendable {
        fileprivate let index: Int
    }

    /// nil for a peer that has gone.
    @inline(__always)
    func place(of key: PeerKey) -> Place? {
        generations[Int(key.slot)] == key.generation ? Place(index: Int(key.slot)) : nil
    }

    /// For what is done often: a look at one field costs just that.
    subscript(place: Place) -> PeerState {
        @inline(__always) _read { yield states[place.index]! }
        @inline(__always) _modify { yield &states[place.index]! }
    }

    /// nil for a peer that has gone. A peer comes by ``add(at:_:)`` only.
    subscript(key: PeerKey) -> PeerState? {
        _read {
            if let place = place(of: key) { yield states[place.index] } else { yield nil }
        }
        _modify {
            if let place = place(of: key) {
                yield &states[place.index]
            } else {
                var gone: PeerState?
                yield &gone
            }
        }
    }
}

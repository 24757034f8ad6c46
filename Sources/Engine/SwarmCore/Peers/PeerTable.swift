/// The peers of a torrent, by key. A slot is reused; its generation is not.
///
/// Reading one field must not copy a whole peer, as `peers[key]?.wantedCount` does. Frequent code uses a ``Place``,
/// whose accessors are not optional, so that the compiler can inline them.
package struct PeerTable: Sendable {
    /// By slot; nil for a free slot.
    private var states: ContiguousArray<PeerState?> = []
    private var generations: ContiguousArray<UInt32> = []
    private var free: [Int32] = []
    /// In an arbitrary order that is the same in every run.
    package private(set) var keys: [PeerKey] = []

    package init() {}

    package var count: Int { keys.count }

    /// - Parameter place: position among the keys, 0 to their count. Random, so that the first peer to join is not
    ///   first in everything.
    package mutating func add(at place: Int, _ make: (PeerKey) -> PeerState) -> PeerKey {
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

    package mutating func remove(_ key: PeerKey) -> PeerState? {
        guard let place = keys.firstIndex(of: key) else { return nil }
        keys.swapAt(place, keys.count - 1)
        keys.removeLast()
        free.append(key.slot)
        generations[Int(key.slot)] &+= 1
        defer { states[Int(key.slot)] = nil }
        return states[Int(key.slot)]
    }

    /// The position of a peer's state in memory; valid until a peer joins or leaves.
    package struct Place: Sendable {
        fileprivate let index: Int
    }

    /// nil for a peer that has left.
    @inline(__always)
    package func place(of key: PeerKey) -> Place? {
        generations[Int(key.slot)] == key.generation ? Place(index: Int(key.slot)) : nil
    }

    /// For frequent code: reading one field costs only that.
    package subscript(place: Place) -> PeerState {
        @inline(__always) _read { yield states[place.index]! }
        @inline(__always) _modify { yield &states[place.index]! }
    }

    /// nil for a peer that has left. Use ``add(at:_:)`` to add a peer.
    package subscript(key: PeerKey) -> PeerState? {
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

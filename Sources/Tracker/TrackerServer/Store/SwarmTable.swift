import Tracking

/// One swarm's peers.
struct StoredSwarm {
    let key: SwarmKey
    var completions = 0
    /// The version of the allow-list under which the swarm was last found to be allowed.
    var generation: UInt32
    /// Whether it is on the list of the largest swarms.
    var isListed = false
    var ipv4 = PeerTable<EndpointIPv4>()
    /// Created with the first IPv6 peer, because few swarms have any.
    var ipv6: UnsafeMutablePointer<PeerTable<EndpointIPv6>>?

    init(key: SwarmKey, generation: UInt32) {
        self.key = key
        self.generation = generation
    }

    var peers: Int { ipv4.count + (ipv6?.pointee.count ?? 0) }

    var counts: SwarmCounts {
        let seeds = ipv4.seeds + (ipv6?.pointee.seeds ?? 0)
        let partial = ipv4.partialSeeds + (ipv6?.pointee.partialSeeds ?? 0)
        let leechers = peers - seeds
        return SwarmCounts(
            seeds: seeds, leechers: leechers, downloaders: leechers - partial, completions: completions)
    }
}

/// A shard of the swarms: a hash table with open addressing from the keyed hash of the info hash to the swarm. Shards
/// grow one at a time, so that no growth stops the server for long.
///
/// Unsafe memory: slot numbers are masked. A swarm lives from `insert` to `remove`, and pointers to it are not kept
/// beyond the call that obtained them.
struct SwarmTable {
    private struct Slot {
        var hash: UInt64
        var swarm: UnsafeMutablePointer<StoredSwarm>?
    }

    private var slots: UnsafeMutablePointer<Slot>
    private var mask: Int
    private(set) var count = 0

    init() {
        slots = .allocate(capacity: 16)
        slots.initialize(repeating: Slot(hash: 0, swarm: nil), count: 16)
        mask = 15
    }

    /// Frees the slots. The swarms must have been freed.
    func deallocate() { slots.deallocate() }

    var capacity: Int { mask + 1 }

    @inline(__always)
    func find(_ key: SwarmKey, hash: UInt64) -> UnsafeMutablePointer<StoredSwarm>? {
        var position = Int(truncatingIfNeeded: hash) & mask
        while let swarm = slots[position].swarm {
            if slots[position].hash == hash, swarm.pointee.key == key { return swarm }
            position = (position &+ 1) & mask
        }
        return nil
    }

    /// The swarm at a slot number below `capacity`.
    func swarm(at slot: Int) -> UnsafeMutablePointer<StoredSwarm>? { slots[slot & mask].swarm }

    mutating func insert(_ swarm: UnsafeMutablePointer<StoredSwarm>, hash: UInt64) {
        if (count + 1) * 2 > capacity { grow() }
        place(Slot(hash: hash, swarm: swarm))
        count += 1
    }

    private func place(_ slot: Slot) {
        var position = Int(truncatingIfNeeded: slot.hash) & mask
        while slots[position].swarm != nil { position = (position &+ 1) & mask }
        slots[position] = slot
    }

    private mutating func grow() {
        let old = slots
        let oldCapacity = capacity
        slots = .allocate(capacity: oldCapacity * 2)
        slots.initialize(repeating: Slot(hash: 0, swarm: nil), count: oldCapacity * 2)
        mask = oldCapacity * 2 - 1
        for position in 0..<oldCapacity where old[position].swarm != nil { place(old[position]) }
        old.deallocate()
    }

    /// Removes the swarm at a slot and closes the gap; the slot may then contain another swarm.
    mutating func remove(at slot: Int) {
        var gap = slot & mask
        guard slots[gap].swarm != nil else { return }
        count -= 1
        var next = gap
        while true {
            next = (next &+ 1) & mask
            guard slots[next].swarm != nil else { break }
            let home = Int(truncatingIfNeeded: slots[next].hash) & mask
            if (next &- home) & mask >= (next &- gap) & mask {
                slots[gap] = slots[next]
                gap = next
            }
        }
        slots[gap] = Slot(hash: 0, swarm: nil)
    }
}

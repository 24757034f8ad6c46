import Tracking

/// Eviction in a full store: a new peer replaces the peer with the oldest announce of the source with the most peers.
///
/// A few random candidates are examined, so that a flood of new peers costs a fixed time each and no memory. A source
/// that fills the store is nearly always among them; then its own new peers replace its own old ones. A source never
/// evicts peers of a source that has fewer peers.
extension MemoryPeerStore {
    /// Number of candidates for one new peer.
    private var candidates: Int { 16 }
    /// Number of slots examined to find candidates: few are needed, unless most swarms have been removed.
    private var probes: Int { 2048 }
    /// Maximum number of peers of a swarm that may be evicted as a whole. A larger swarm costs an attacker as many
    /// peers, which count.
    private var smallSwarm: Int { 16 }

    /// How strongly a candidate should be evicted.
    struct Weight {
        /// Number of peers in the store of the least greedy source concerned.
        var greed = Int.max
        /// Ticks since the last announce.
        var age = UInt16.max

        func exceeds(_ other: Weight) -> Bool { (greed, age) > (other.greed, other.age) }

        mutating func add(greed: Int, age: UInt16) {
            self.greed = min(self.greed, greed)
            self.age = min(self.age, age)
        }
    }

    /// Evicts a small swarm for a new one of a source. False if there is none to evict.
    func makeRoomForSwarm(of source: UInt64, now: UInt64) -> Bool {
        var victim: (shard: Int, slot: Int, weight: Weight)?
        forRandomSwarms { shard, slot, swarm in
            guard let weight = weight(of: swarm, now), victim.map({ weight.exceeds($0.weight) }) ?? true else { return }
            victim = (shard, slot, weight)
        }
        guard let victim, victim.weight.greed >= sources[source],
            let swarm = shards[victim.shard].swarm(at: victim.slot)
        else { return false }
        while swarm.pointee.ipv4.count > 0 { evict(0, &swarm.pointee.ipv4, &pool4) }
        if let ipv6 = swarm.pointee.ipv6 {
            while ipv6.pointee.count > 0 { evict(0, &ipv6.pointee, &pool6) }
        }
        drop(swarm, shard: victim.shard, slot: victim.slot)
        return true
    }

    /// Evicts a peer for a new one of a source, if there is one to evict.
    func makeRoomForPeer(of source: UInt64, now: UInt64) {
        let tick = MemoryPeerStore.tick(now)
        var victim: (swarm: UnsafeMutablePointer<StoredSwarm>, isIPv6: Bool, row: Int, weight: Weight)?
        func look(_ swarm: UnsafeMutablePointer<StoredSwarm>) {
            guard swarm.pointee.peers > 0 else { return }
            var row = random.below(swarm.pointee.peers)
            var weight = Weight()
            let isIPv6 = row >= swarm.pointee.ipv4.count
            if isIPv6, let ipv6 = swarm.pointee.ipv6 {
                row -= swarm.pointee.ipv4.count
                weight = self.weight(of: row, ipv6.pointee, tick)
            } else {
                weight = self.weight(of: row, swarm.pointee.ipv4, tick)
            }
            if victim.map({ weight.exceeds($0.weight) }) ?? true { victim = (swarm, isIPv6, row, weight) }
        }
        // A flood may be spread over many swarms or be in a few, which are then large.
        forRandomSwarms { _, _, swarm in look(swarm) }
        for _ in 0..<candidates {
            if let key = biggest.randomElement(&random), let swarm = find(key) { look(swarm) }
        }
        guard let victim, victim.weight.greed >= sources[source] else { return }
        if victim.isIPv6, let ipv6 = victim.swarm.pointee.ipv6 {
            evict(victim.row, &ipv6.pointee, &pool6)
        } else {
            evict(victim.row, &victim.swarm.pointee.ipv4, &pool4)
        }
    }

    private func evict<E: Endpoint>(_ row: Int, _ table: inout PeerTable<E>, _ pool: inout BlockPool) {
        forget(row, &table, &pool)
        totals.evictions += 1
    }

    /// Visits some of the swarms, each the first one after a random position.
    private func forRandomSwarms(_ body: (_ shard: Int, _ slot: Int, UnsafeMutablePointer<StoredSwarm>) -> Void) {
        let number = 1 << Int(MemoryPeerStore.shardBits)
        var probesLeft = probes
        for _ in 0..<candidates {
            var shard = random.below(number)
            var slot = random.below(shards[shard].capacity)
            while probesLeft > 0 {
                probesLeft -= 1
                if let swarm = shards[shard].swarm(at: slot) {
                    body(shard, slot, swarm)
                    break
                }
                slot += 1
                if slot >= shards[shard].capacity { (shard, slot) = ((shard + 1) & (number - 1), 0) }
            }
        }
    }

    /// Nil for a swarm that must not be evicted.
    private func weight(of swarm: UnsafeMutablePointer<StoredSwarm>, _ now: UInt64) -> Weight? {
        guard swarm.pointee.peers <= smallSwarm else { return nil }
        if swarm.pointee.peers == 0, keepsCompletions(swarm, isAllowed: true) { return nil }
        let tick = MemoryPeerStore.tick(now)
        var weight = Weight()
        for row in 0..<swarm.pointee.ipv4.count {
            let peer = self.weight(of: row, swarm.pointee.ipv4, tick)
            weight.add(greed: peer.greed, age: peer.age)
        }
        guard let ipv6 = swarm.pointee.ipv6 else { return weight }
        for row in 0..<ipv6.pointee.count {
            let peer = self.weight(of: row, ipv6.pointee, tick)
            weight.add(greed: peer.greed, age: peer.age)
        }
        return weight
    }

    private func weight<E: Endpoint>(of row: Int, _ table: PeerTable<E>, _ tick: UInt16) -> Weight {
        Weight(greed: sources[table.endpoint(row).source], age: tick &- table.tick(row))
    }
}

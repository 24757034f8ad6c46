import Tracking

/// Where the search for peers that are silent continues: shard by shard, swarm by swarm, its IPv4 rows and then its IPv6 rows.
struct Sweep {
    private let shards: Int
    private(set) var shard = 0
    var slot = 0
    var row = 0
    var isAtIPv6 = false

    /// - Parameter shards: a power of two.
    init(shards: Int) { self.shards = shards }

    mutating func nextShard() {
        slot = 0
        shard = (shard + 1) & (shards - 1)
    }
}

// Forgetting peers that are silent, some at a time.
extension MemoryPeerStore {
    package func maintain(now: UInt64, steps: Int) {
        let tick = MemoryPeerStore.tick(now)
        let oldest = UInt16(clamping: limits.lifetime / 4)
        var left = steps
        while left > 0 {
            left -= 1
            let table = shards + sweep.shard
            guard sweep.slot < table.pointee.capacity else {
                sweep.nextShard()
                continue
            }
            guard let swarm = table.pointee.swarm(at: sweep.slot) else {
                sweep.slot += 1
                continue
            }
            let isAllowed = swarm.pointee.generation == generation || isAllowed(swarm.pointee.key)
            if isAllowed { swarm.pointee.generation = generation }
            let finished: Bool
            if sweep.isAtIPv6, let ipv6 = swarm.pointee.ipv6 {
                finished = visit(&ipv6.pointee, &pool6, tick, isAllowed ? oldest : nil, &left)
            } else if sweep.isAtIPv6 {
                finished = true
            } else {
                finished = visit(&swarm.pointee.ipv4, &pool4, tick, isAllowed ? oldest : nil, &left)
            }
            guard finished else { return }
            sweep.row = 0
            if sweep.isAtIPv6 { finishSwarm(swarm, isAllowed: isAllowed) }
            sweep.isAtIPv6.toggle()
        }
    }

    /// Visits rows of a table from `sweep.row` on; true at the end of the table. Without an age, all rows are removed.
    private func visit<E: Endpoint>(
        _ table: inout PeerTable<E>, _ pool: inout BlockPool, _ tick: UInt16, _ oldest: UInt16?, _ left: inout Int
    ) -> Bool {
        while sweep.row < table.count {
            guard left > 0 else { return false }
            left -= 1
            if let oldest, tick &- table.tick(sweep.row) <= oldest {
                sweep.row += 1
            } else {
                forget(sweep.row, &table, &pool)
                totals.expirations += 1
            }
        }
        return true
    }

    private func finishSwarm(_ swarm: UnsafeMutablePointer<StoredSwarm>, isAllowed: Bool) {
        if swarm.pointee.peers == 0, !keepsCompletions(swarm, isAllowed: isAllowed) {
            drop(swarm, shard: sweep.shard, slot: sweep.slot)
        } else {
            sweep.slot += 1
        }
    }
}

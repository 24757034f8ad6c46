import Address
import Tracking

/// A place among the peers of a store. Peers that come and go meanwhile may be seen twice or missed.
package struct PeerCursor: Sendable {
    var shard = 0
    var slot = 0
    var isIPv6 = false
    var row = 0

    package init() {}
}

/// One peer, as ``PeerStore/next(after:now:)`` returns it.
package struct StoredPeer {
    package var swarm: SwarmKey
    /// Nil for a place without a peer to whom others can connect.
    package var address: PeerAddress?
    package var isSeed: Bool
    /// Seconds since its last announce.
    package var age: UInt64
}

extension MemoryPeerStore {
    package func next(after cursor: inout PeerCursor, now: UInt64) -> StoredPeer? {
        while cursor.shard < 1 << Int(MemoryPeerStore.shardBits) {
            let table = shards + cursor.shard
            guard cursor.slot < table.pointee.capacity else {
                (cursor.shard, cursor.slot, cursor.isIPv6, cursor.row) = (cursor.shard + 1, 0, false, 0)
                continue
            }
            guard let swarm = table.pointee.swarm(at: cursor.slot) else {
                cursor.slot += 1
                continue
            }
            if !cursor.isIPv6 {
                if let peer = peer(cursor.row, swarm.pointee.ipv4, swarm.pointee.key, now) {
                    cursor.row += 1
                    return peer
                }
                (cursor.isIPv6, cursor.row) = (true, 0)
            }
            if let ipv6 = swarm.pointee.ipv6, let peer = peer(cursor.row, ipv6.pointee, swarm.pointee.key, now) {
                cursor.row += 1
                return peer
            }
            (cursor.slot, cursor.isIPv6, cursor.row) = (cursor.slot + 1, false, 0)
        }
        return nil
    }

    private func peer<E: Endpoint>(_ row: Int, _ table: PeerTable<E>, _ swarm: SwarmKey, _ now: UInt64) -> StoredPeer? {
        guard row < table.count else { return nil }
        let group = table.group(ofRow: row)
        let isListed = group < PeerTable<E>.Group.hidden && group & 2 == 0
        let age = UInt64(MemoryPeerStore.tick(now) &- table.tick(row)) * 4
        return StoredPeer(
            swarm: swarm, address: isListed ? table.endpoint(row).peer : nil,
            isSeed: table.flags(row) & PeerTable<E>.Details.seedFlag != 0, age: age)
    }
}

import Address
import Tracking

// Entering what a peer announces into the table of its swarm.
extension MemoryPeerStore {
    /// Seconds by which a peer's last announce is dated back, so that it is forgotten sooner than others.
    @inline(__always)
    private func shortening(_ lifetime: UInt32) -> UInt64 {
        lifetime == 0 ? 0 : limits.lifetime - min(limits.lifetime, UInt64(lifetime))
    }

    /// Inserts or updates the peer. Returns its row (-1: not recorded) and whether it was not a seed before.
    @inline(__always)
    func record<E: Endpoint>(
        _ announce: PeerAnnounce, _ endpoint: E, _ table: inout PeerTable<E>, _ pool: inout BlockPool, _ now: UInt64
    ) -> (row: Int, wasLeecher: Bool) {
        typealias Table = PeerTable<E>
        var first: Int?
        let known = table.find(endpoint, isHidden: announce.port == 0, sip: sip, first: &first)
        let wasLeecher = known < 0 || table.flags(known) & Table.Details.seedFlag == 0
        if announce.event == .stopped {
            if known >= 0 { forget(known, &table, &pool) }
            return (-1, wasLeecher)
        }
        let isSeed = announce.left == 0
        let isPartial = announce.event == .paused && !isSeed
        let details = Table.Details(
            key: announce.key, tick: MemoryPeerStore.tick(now &- shortening(announce.lifetime)),
            flags: (isSeed ? Table.Details.seedFlag : 0) | (isPartial ? Table.Details.partialFlag : 0),
            name: announce.peer)
        var group: Int
        if announce.port == 0 {
            group = Table.Group.hidden
        } else if announce.isUnreachable {
            group = isSeed || isPartial ? Table.Group.unreachableSeed : Table.Group.unreachableLeecher
        } else {
            group = isSeed || isPartial ? Table.Group.reachableSeed : Table.Group.reachableLeecher
        }
        if known >= 0, known >= table.start(group), known < table.end(group) {
            let before = table.seeds
            table.update(known, details)
            totals.seeds += table.seeds - before
            return (known, wasLeecher)
        }
        if group != Table.Group.hidden {
            let first = first ?? table.findFirst(endpoint, sip: sip)
            if first >= 0, first != known, !givesWay(first, table, to: group, details.tick) {
                group += Table.Group.crowd
                if known >= table.start(group), known < table.end(group) {
                    let before = table.seeds
                    table.update(known, details)
                    totals.seeds += table.seeds - before
                    return (known, wasLeecher)
                }
            }
        }
        if known >= 0 {
            forget(known, &table, &pool)
        } else if announce.key != 0, table.count <= limits.moveSearch {
            let moved = table.find(name: announce.peer, key: announce.key)
            if moved >= 0 {
                lastMoved = table.endpoint(moved).peer
                // The moved row may have been the representative of its source.
                if group < Table.Group.hidden, table.isFirst(moved), table.endpoint(moved).source == endpoint.source {
                    group &= 3
                }
                forget(moved, &table, &pool)
            }
        }
        guard totals.peers < limits.peers else { return (-1, wasLeecher) }
        if group < Table.Group.crowd {
            let first = table.findFirst(endpoint, sip: sip)
            if first >= 0 { demote(first, &table, &pool) }
        }
        let row = table.insert(endpoint, details, group: group, pool: &pool, sip: sip)
        count(details.flags, group, endpoint, 1)
        return (row, wasLeecher)
    }

    /// Whether the representative of a source should be replaced by another peer: by a reachable one if it is
    /// unreachable, or if it has missed an interval, because the other may be the same peer on a new port.
    private func givesWay<E: Endpoint>(_ first: Int, _ table: PeerTable<E>, to group: Int, _ tick: UInt16) -> Bool {
        let isUnreachable = first >= table.end(PeerTable<E>.Group.reachableSeed)
        if isUnreachable, group <= PeerTable<E>.Group.reachableSeed { return true }
        return tick &- table.tick(first) > UInt16(clamping: limits.lifetime / 8)
    }

    private func demote<E: Endpoint>(_ row: Int, _ table: inout PeerTable<E>, _ pool: inout BlockPool) {
        let (endpoint, details, group) = (table.endpoint(row), table.details(row), table.group(ofRow: row))
        table.remove(row, pool: &pool, sip: sip)
        _ = table.insert(endpoint, details, group: group + PeerTable<E>.Group.crowd, pool: &pool, sip: sip)
    }

    func forget<E: Endpoint>(_ row: Int, _ table: inout PeerTable<E>, _ pool: inout BlockPool) {
        count(table.flags(row), table.group(ofRow: row), table.endpoint(row), -1)
        table.remove(row, pool: &pool, sip: sip)
    }

    private func count<E: Endpoint>(_ flags: UInt8, _ group: Int, _ endpoint: E, _ step: Int) {
        totals.peers += step
        if flags & 1 != 0 { totals.seeds += step }
        if group & 2 != 0 || group == PeerTable<E>.Group.hidden { totals.unreachablePeers += step }
        if E.family == .ipv6 { totals.ipv6Peers += step }
        sources.add(step, to: endpoint.source)
    }
}

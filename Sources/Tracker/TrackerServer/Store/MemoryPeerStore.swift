import Address
import Text
import Tracking

/// Peers in this process's memory: about 40 bytes each over IPv4, and some 250 for a swarm.
///
/// Sharded by info hash. Tables use flat memory of their own, because an announce should cost a few cache misses and no
/// reference counting. Hashes have random keys, so that nobody can choose info hashes or addresses that collide. Not
/// thread-safe, and not `Sendable`: one loop owns it.
package final class MemoryPeerStore: PeerStore {
    /// Limits of a store.
    package struct Limits: Sendable {
        /// Maximum number of peers. A further peer replaces a peer of one of the sources with the most peers. If its
        /// own source has more peers than all examined ones, it gets a response but is not recorded.
        package var peers = 16_000_000
        /// Maximum number of swarms. A further swarm replaces a small swarm of one of the sources with the most peers.
        /// If its own source has more peers than all examined ones, the announce is refused.
        package var swarms = 1_000_000
        /// Seconds after its last announce at which a peer is removed; up to 150,000.
        package var lifetime: UInt64 = 2 * 1800 + 120
        /// Maximum number of peers of a family in a swarm that is searched for a peer with a new address. In larger
        /// swarms the old entry expires.
        package var moveSearch = 256

        package init() {}
    }

    static let shardBits: UInt64 = 6

    let limits: Limits
    let sip: SipHash
    let shards: UnsafeMutablePointer<SwarmTable>
    // One thread, and no method that holds one of these calls another that does: a check at each announce would be
    // useless.
    @exclusivity(unchecked)
    var pool4 = BlockPool(rowBytes: PeerTable<EndpointIPv4>.rowBytes)
    @exclusivity(unchecked)
    var pool6 = BlockPool(rowBytes: PeerTable<EndpointIPv6>.rowBytes)
    @exclusivity(unchecked)
    var random: SeededGenerator
    let sources: SourceCounts
    @exclusivity(unchecked)
    private(set) var biggest = BiggestSwarms()
    private(set) var allowed: Set<SwarmKey>?
    private(set) var generation: UInt32 = 0
    @exclusivity(unchecked)
    package internal(set) var totals = StoreTotals()

    @exclusivity(unchecked)
    package internal(set) var lastMoved: PeerAddress?

    var sweep = Sweep(shards: 1 << Int(shardBits))

    package init(limits: Limits = Limits()) {
        self.limits = limits
        sip = .random()
        random = SeededGenerator(seed: .random(in: .min ... .max))
        sources = SourceCounts(random: &random)
        let number = 1 << Int(MemoryPeerStore.shardBits)
        shards = .allocate(capacity: number)
        for shard in 0..<number { (shards + shard).initialize(to: SwarmTable()) }
    }

    deinit {
        for shard in 0..<(1 << Int(MemoryPeerStore.shardBits)) {
            let table = shards + shard
            for slot in 0..<table.pointee.capacity {
                if let swarm = table.pointee.swarm(at: slot) { free(swarm) }
            }
            table.pointee.deallocate()
        }
        shards.deallocate()
        pool4.deallocate()
        pool6.deallocate()
        sources.deallocate()
    }

    private func free(_ swarm: UnsafeMutablePointer<StoredSwarm>) {
        swarm.pointee.ipv4.release(&pool4)
        if let ipv6 = swarm.pointee.ipv6 {
            ipv6.pointee.release(&pool6)
            ipv6.deallocate()
        }
        swarm.deallocate()
    }

    /// Time as stored in rows: units of four seconds, which wrap after three days.
    static func tick(_ now: UInt64) -> UInt16 { UInt16(truncatingIfNeeded: now / 4) }

    @inline(__always)
    private func hash(_ key: SwarmKey) -> UInt64 { sip.hash(key.first, key.second, UInt64(key.third)) }

    @inline(__always)
    private func shard(_ hash: UInt64) -> UnsafeMutablePointer<SwarmTable> {
        shards + Int(hash >> (64 - MemoryPeerStore.shardBits))
    }

    // MARK: Announces

    package func announce(
        _ announce: PeerAnnounce, from address: PeerAddress, wanting wish: PeerWish, now: UInt64,
        selection: inout PeerSelection
    ) throws(TrackerRefusal) -> SwarmCounts {
        selection.reset(wantsNames: wish.names)
        lastMoved = nil
        let hash = hash(announce.swarm)
        let swarm = try swarm(announce.swarm, hash, creates: announce.event != .stopped, for: address, now)
        guard let swarm else { return SwarmCounts() }
        if address.family == .ipv6, swarm.pointee.ipv6 == nil, announce.event != .stopped {
            let table = UnsafeMutablePointer<PeerTable<EndpointIPv6>>.allocate(capacity: 1)
            table.initialize(to: PeerTable())
            swarm.pointee.ipv6 = table
        }
        // Peers without a port are sent to nobody, so their id can replace the rest of their endpoint.
        let address = announce.port == 0 ? standIn(announce.peer, address) : address
        if totals.peers >= limits.peers, announce.event != .stopped,
            !isKnown(address, isHidden: announce.port == 0, swarm)
        {
            makeRoomForPeer(of: address.source, now: now)
        }
        let wasLeecher: Bool
        let row: Int
        if address.family == .ipv4 {
            (row, wasLeecher) = record(announce, EndpointIPv4(address), &swarm.pointee.ipv4, &pool4, now)
        } else if let ipv6 = swarm.pointee.ipv6 {
            (row, wasLeecher) = record(announce, EndpointIPv6(address), &ipv6.pointee, &pool6, now)
        } else {
            (row, wasLeecher) = (-1, false)
        }
        if announce.event == .completed, wasLeecher {
            swarm.pointee.completions += 1
            totals.completions += 1
        }
        if announce.event != .stopped {
            if !swarm.pointee.isListed, swarm.pointee.peers > biggest.floor { list(swarm) }
            select(announce, address, wish, row, swarm, &selection)
        }
        return swarm.pointee.counts
    }

    /// An endpoint of the same source for a peer without a port.
    private func standIn(_ name: PeerName, _ address: PeerAddress) -> PeerAddress {
        let mark = sip.hash(name.first, name.second, UInt64(name.third) ^ address.low)
        guard address.family == .ipv6 else { return address.with(port: UInt16(truncatingIfNeeded: mark)) }
        return PeerAddress(ipv6High: address.high, low: mark, port: 0)
    }

    private func isKnown(
        _ address: PeerAddress, isHidden: Bool, _ swarm: UnsafeMutablePointer<StoredSwarm>
    ) -> Bool {
        var first: Int?
        if address.family == .ipv4 {
            return swarm.pointee.ipv4.find(EndpointIPv4(address), isHidden: isHidden, sip: sip, first: &first) >= 0
        }
        guard let table = swarm.pointee.ipv6 else { return false }
        return table.pointee.find(EndpointIPv6(address), isHidden: isHidden, sip: sip, first: &first) >= 0
    }

    /// The swarm; created if it is allowed and `creates` is set, nil if it is allowed but does not exist.
    @inline(__always)
    private func swarm(
        _ key: SwarmKey, _ hash: UInt64, creates: Bool, for address: PeerAddress, _ now: UInt64
    ) throws(TrackerRefusal) -> UnsafeMutablePointer<StoredSwarm>? {
        let table = shard(hash)
        if let found = table.pointee.find(key, hash: hash) {
            if found.pointee.generation == generation { return found }
            guard isAllowed(key) else { throw .notAllowed }
            found.pointee.generation = generation
            return found
        }
        guard isAllowed(key) else { throw .notAllowed }
        guard creates else { return nil }
        if totals.swarms >= limits.swarms {
            guard makeRoomForSwarm(of: address.source, now: now) else { throw .full }
        }
        let made = UnsafeMutablePointer<StoredSwarm>.allocate(capacity: 1)
        made.initialize(to: StoredSwarm(key: key, generation: generation))
        table.pointee.insert(made, hash: hash)
        totals.swarms += 1
        return made
    }

    func isAllowed(_ key: SwarmKey) -> Bool { allowed?.contains(key) ?? true }

    @inline(__always)
    private func select(
        _ announce: PeerAnnounce, _ address: PeerAddress, _ wish: PeerWish, _ row: Int,
        _ swarm: UnsafeMutablePointer<StoredSwarm>, _ selection: inout PeerSelection
    ) {
        let limit = max(0, min(wish.limit, PeerSelection.capacity))
        let wantsSeeds = announce.left > 0 && announce.event != .paused
        let isReachable = announce.port != 0 && !announce.isUnreachable
        let isIPv4 = address.family == .ipv4
        func selectIPv4() {
            let names = wish.names ? selection.ipv4Names : nil
            var target = SelectionTarget(endpoints: selection.ipv4, names: names, limit: limit - selection.count)
            swarm.pointee.ipv4.select(
                wantsSeeds: wantsSeeds, isReachable: isReachable, own: isIPv4 ? row : -1, random: &random, into: &target
            )
            selection.ipv4Count = target.count
        }
        func selectIPv6() {
            guard let table = swarm.pointee.ipv6 else { return }
            let names = wish.names ? selection.ipv6Names : nil
            var target = SelectionTarget(endpoints: selection.ipv6, names: names, limit: limit - selection.count)
            table.pointee.select(
                wantsSeeds: wantsSeeds, isReachable: isReachable, own: isIPv4 ? -1 : row, random: &random, into: &target
            )
            selection.ipv6Count = target.count
        }
        if isIPv4 {
            selectIPv4()
            if wish.bothFamilies { selectIPv6() }
        } else {
            selectIPv6()
            if wish.bothFamilies { selectIPv4() }
        }
    }

    // MARK: Looking

    package func counts(of key: SwarmKey) -> SwarmCounts? {
        let hash = hash(key)
        if let found = shard(hash).pointee.find(key, hash: hash), found.pointee.generation == generation {
            return found.pointee.counts
        }
        guard isAllowed(key) else { return nil }
        return shard(hash).pointee.find(key, hash: hash)?.pointee.counts ?? SwarmCounts()
    }

    package func allow(_ swarms: Set<SwarmKey>?) {
        allowed = swarms
        generation &+= 1
    }

    package func biggestSwarms(_ limit: Int) -> [(key: SwarmKey, counts: SwarmCounts)] {
        orderBiggest()
        return biggest.keys.prefix(limit).compactMap { key in find(key).map { (key, $0.pointee.counts) } }
    }

    func find(_ key: SwarmKey) -> UnsafeMutablePointer<StoredSwarm>? {
        let hash = hash(key)
        return shard(hash).pointee.find(key, hash: hash)
    }

    private func list(_ swarm: UnsafeMutablePointer<StoredSwarm>) {
        swarm.pointee.isListed = true
        biggest.append(swarm.pointee.key)
        if biggest.isFull { orderBiggest() }
    }

    /// Sorts the list of the largest swarms, and removes those that are too small, gone or not allowed.
    private func orderBiggest() {
        var found: [(key: SwarmKey, peers: Int)] = []
        for key in biggest.keys {
            // A swarm that was removed and created again is listed twice: the first occurrence clears the mark.
            guard let swarm = find(key), swarm.pointee.isListed else { continue }
            swarm.pointee.isListed = false
            if isAllowed(key) { found.append((key, swarm.pointee.peers)) }
        }
        found.sort { ($1.peers, $0.key) < ($0.peers, $1.key) }
        biggest.replace(with: found)
        for key in biggest.keys { find(key)?.pointee.isListed = true }
    }

    // MARK: Forgetting

    /// The completion count of an allow-listed swarm is kept when its peers are gone.
    func keepsCompletions(_ swarm: UnsafeMutablePointer<StoredSwarm>, isAllowed: Bool) -> Bool {
        isAllowed && allowed != nil && swarm.pointee.completions > 0
    }

    func drop(_ swarm: UnsafeMutablePointer<StoredSwarm>, shard: Int, slot: Int) {
        (shards + shard).pointee.remove(at: slot)
        free(swarm)
        totals.swarms -= 1
    }
}

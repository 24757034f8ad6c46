import Tracking

/// The peers of one swarm and one family: rows in flat arrays, sorted by the peers to which they may be sent.
///
/// One row of each source (an IPv4 address, an IPv6 /64) represents it. Further rows of the source are its crowd, which
/// is used when there are few other peers. So an address with thousands of ports does not displace addresses with one.
///
/// The order of rows is: reachable leechers, reachable seeds, unreachable leechers, unreachable seeds, the same four of
/// the crowd, peers without a port. So the candidates for any announce are a few ranges of rows, and selecting is
/// copying. Rows lie in ``RowBlocks``. From 17 rows on, ``PeerIndex`` finds them: representatives by source, all others
/// by endpoint.
///
/// Unsafe memory: a row number is below `count`, which never exceeds the rows of the allocated blocks. The owner calls
/// `release` once.
struct PeerTable<E: Endpoint> {
    /// The group of a row, in the order of the rows.
    enum Group {
        static var reachableLeecher: Int { 0 }
        static var reachableSeed: Int { 1 }
        static var unreachableLeecher: Int { 2 }
        static var unreachableSeed: Int { 3 }
        /// Added to one of the four groups above.
        static var crowd: Int { 4 }
        static var hidden: Int { 8 }
    }

    /// The contents of a row, without its endpoint.
    struct Details {
        var key: UInt32
        /// `MemoryPeerStore.tick(now)` of the last announce.
        var tick: UInt16
        var flags: UInt8
        var name: PeerName

        static var seedFlag: UInt8 { 1 }
        static var partialFlag: UInt8 { 2 }
    }

    static var rowBytes: Int { E.size + 27 }

    /// Ends of all groups except the last, which ends with the rows.
    private(set) var ends = SIMD8<UInt32>(repeating: 0)
    private var rows: UInt32 = 0
    private var seedRows: UInt32 = 0
    private var partialSeedRows: UInt32 = 0
    private(set) var blocks = RowBlocks<E>()
    private var index = PeerIndex()

    var count: Int { Int(rows) }
    var seeds: Int { Int(seedRows) }
    var partialSeeds: Int { Int(partialSeedRows) }

    @inline(__always)
    func end(_ group: Int) -> Int { group == Group.hidden ? Int(rows) : Int(ends[group]) }
    @inline(__always)
    func start(_ group: Int) -> Int { group == 0 ? 0 : Int(ends[group - 1]) }
    /// Whether a row is the representative of its source.
    @inline(__always)
    func isFirst(_ row: Int) -> Bool { row < Int(ends[3]) }
    /// Whether some source has more than one row.
    @inline(__always)
    var hasCrowd: Bool { ends[7] != ends[3] }

    // MARK: Rows

    @inline(__always)
    func endpoint(_ row: Int) -> E { E(loading: blocks.place(row).endpoint) }
    @inline(__always)
    func tick(_ row: Int) -> UInt16 { blocks.place(row).tick.loadUnaligned(as: UInt16.self) }
    @inline(__always)
    func flags(_ row: Int) -> UInt8 { blocks.place(row).flags.load(as: UInt8.self) }

    func group(ofRow row: Int) -> Int {
        var group = 0
        while group < Group.hidden, row >= Int(ends[group]) { group += 1 }
        return group
    }

    // MARK: Finding

    /// The row of an endpoint, or -1.
    /// - Parameters:
    ///   - isHidden: whether to search the peers without a port, or all others.
    ///   - first: set to the result of `findFirst` if it was determined on the way.
    @inline(__always)
    func find(_ endpoint: E, isHidden: Bool, sip: SipHash, first: inout Int?) -> Int {
        if count == 0 { return -1 }
        let shown = Int(ends[7])
        if index.isEmpty {
            for row in isHidden ? shown..<count : 0..<shown where self.endpoint(row) == endpoint { return row }
            return -1
        }
        if !isHidden {
            let row = findFirst(endpoint, sip: sip)
            first = row
            if row >= 0, self.endpoint(row) == endpoint { return row }
            guard row >= 0 || hasCrowd else { return -1 }
        }
        let hash = endpoint.hash(sip)
        return index.find(hash) { self.endpoint($0) == endpoint && ($0 >= shown) == isHidden }
    }

    /// The representative row of an endpoint's source, or -1.
    @inline(__always)
    func findFirst(_ endpoint: E, sip: SipHash) -> Int {
        // Scanning a few representatives at the front is cheaper than a hash and the index.
        let firsts = Int(ends[3])
        if firsts <= 4 || index.isEmpty {
            for row in 0..<firsts where self.endpoint(row).source == endpoint.source { return row }
            return -1
        }
        let hash = endpoint.sourceHash(sip)
        return index.find(hash) { isFirst($0) && self.endpoint($0).source == endpoint.source }
    }

    /// The row of the peer with this peer id and key, or -1. Examines every row.
    func find(name: PeerName, key: UInt32) -> Int {
        for row in 0..<count {
            let place = blocks.place(row)
            if place.key.loadUnaligned(as: UInt32.self) == key, PeerName(loading: place.name) == name { return row }
        }
        return -1
    }

    // MARK: Changing

    /// Writes everything except the endpoint of a row that stays in its group.
    mutating func update(_ row: Int, _ details: Details) {
        let place = blocks.place(row)
        let old = place.flags.load(as: UInt8.self)
        if old != details.flags {
            count(flags: old, by: -1)
            count(flags: details.flags, by: 1)
        }
        write(details, at: place)
    }

    private func write(_ details: Details, at place: RowBlocks<E>.Place) {
        place.key.storeBytes(of: details.key, as: UInt32.self)
        place.tick.storeBytes(of: details.tick, as: UInt16.self)
        place.flags.storeBytes(of: details.flags, as: UInt8.self)
        details.name.store(to: place.name)
    }

    private mutating func count(flags: UInt8, by step: Int) {
        let step = UInt32(truncatingIfNeeded: step)
        if flags & Details.seedFlag != 0 { seedRows &+= step }
        if flags & Details.partialFlag != 0 { partialSeedRows &+= step }
    }

    /// Adds a peer that is not in the table. A representative must be the only one of its source.
    mutating func insert(
        _ endpoint: E, _ details: Details, group: Int, pool: inout BlockPool, sip: SipHash
    ) -> Int {
        blocks.reserveRow(count: count, &pool)
        var hole = count
        rows &+= 1
        var other = Group.hidden
        while other > group {
            let first = start(other)
            if first != hole {
                relocate(from: first, to: hole, isFirst: other < Group.crowd, sip: sip)
                hole = first
            }
            ends[other - 1] &+= 1
            other -= 1
        }
        let place = blocks.place(hole)
        endpoint.store(to: place.endpoint)
        write(details, at: place)
        count(flags: details.flags, by: 1)
        enter(row: hole, sip: sip)
        return hole
    }

    mutating func remove(_ row: Int, pool: inout BlockPool, sip: SipHash) {
        count(flags: flags(row), by: -1)
        leave(row, sip: sip)
        var hole = row
        for group in group(ofRow: row)...Group.hidden {
            let last = end(group) - 1
            if last != hole {
                relocate(from: last, to: hole, isFirst: group < Group.crowd, sip: sip)
                hole = last
            }
            if group < Group.hidden { ends[group] &-= 1 } else { rows &-= 1 }
        }
        returnRows(&pool, sip: sip)
    }

    /// The contents of a row, for moving it to another group.
    func details(_ row: Int) -> Details {
        let place = blocks.place(row)
        return Details(
            key: place.key.loadUnaligned(as: UInt32.self), tick: tick(row), flags: flags(row),
            name: PeerName(loading: place.name))
    }

    private mutating func relocate(from old: Int, to new: Int, isFirst: Bool, sip: SipHash) {
        let source = blocks.place(old)
        if !index.isEmpty {
            let endpoint = E(loading: source.endpoint)
            let hash = isFirst ? endpoint.sourceHash(sip) : endpoint.hash(sip)
            index.move(hash, from: old, to: new)
        }
        source.copy(to: blocks.place(new))
    }

    // MARK: Index

    /// Of the rows as they are now.
    private func hashes(_ sip: SipHash) -> RowHashes<E> { RowHashes(blocks: blocks, firsts: Int(ends[3]), sip: sip) }

    private mutating func enter(row: Int, sip: SipHash) {
        let hashes = hashes(sip)
        index.enter(row, count: count) { hashes.hash(of: $0) }
    }

    private mutating func leave(_ row: Int, sip: SipHash) {
        let hashes = hashes(sip)
        index.leave(row) { hashes.hash(of: $0) }
    }

    // MARK: Memory

    /// Frees memory, with some slack so that a peer that joins and leaves does not move memory each time.
    private mutating func returnRows(_ pool: inout BlockPool, sip: SipHash) {
        if count == 0 { return release(&pool) }
        blocks.shrink(count: count, &pool)
        let hashes = hashes(sip)
        index.shrink(count: count) { hashes.hash(of: $0) }
    }

    /// Frees all memory; the table is then empty.
    mutating func release(_ pool: inout BlockPool) {
        index.release()
        ends = SIMD8(repeating: 0)
        rows = 0
        seedRows = 0
        partialSeedRows = 0
        blocks.release(&pool)
    }
}

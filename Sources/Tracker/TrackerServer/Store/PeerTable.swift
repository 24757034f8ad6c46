import Tracking

/// The peers of one swarm and one family: rows in flat arrays, sorted by the peers to which they may be sent.
///
/// One row of each source (an IPv4 address, an IPv6 /64) represents it. Further rows of the source are its crowd, which
/// is used when there are few other peers. So an address with thousands of ports does not displace addresses with one.
///
/// The order of rows is: reachable leechers, reachable seeds, unreachable leechers, unreachable seeds, the same four of
/// the crowd, peers without a port. So the candidates for any announce are a few ranges of rows, and selecting is
/// copying. Up to 64 rows are one block that grows through a few sizes; more are a directory of 64-row blocks. From 17
/// rows on, an index finds rows: representatives by source, all others by endpoint.
///
/// Unsafe memory: a row number is below `count`, which never exceeds the rows of the allocated blocks; only this type
/// and its extensions compute addresses from row numbers. The owner calls `release` once.
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
    private static var unindexedRows: Int { 16 }
    /// From this number of rows, the index has 64 parts, so that no growth stops the server for long.
    private static var splitRows: Int { 32_768 }

    /// Ends of all groups except the last, which ends with the rows.
    private(set) var ends = SIMD8<UInt32>(repeating: 0)
    private var rows: UInt32 = 0
    private var seedRows: UInt32 = 0
    private var partialSeedRows: UInt32 = 0
    /// Number of allocated rows.
    private var capacity = 0
    /// The block or, with more than 64 rows, the directory of blocks.
    private var block: UnsafeMutableRawPointer?
    private var directoryCapacity = 0
    private var index = RowIndex(isWide: false)
    private var parts: UnsafeMutablePointer<RowIndex>?

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

    /// A block and a row in it.
    struct Place {
        let base: UnsafeMutableRawPointer
        let rows: Int
        let row: Int

        @inline(__always) var endpoint: UnsafeMutableRawPointer { base + E.size &* row }
        @inline(__always) var key: UnsafeMutableRawPointer { base + (E.size &* rows &+ 4 &* row) }
        @inline(__always) var tick: UnsafeMutableRawPointer { base + ((E.size &+ 4) &* rows &+ 2 &* row) }
        @inline(__always) var flags: UnsafeMutableRawPointer { base + ((E.size &+ 6) &* rows &+ row) }
        @inline(__always) var name: UnsafeMutableRawPointer { base + ((E.size &+ 7) &* rows &+ 20 &* row) }

        func copy(to other: Place) {
            E.copy(from: endpoint, to: other.endpoint)
            other.key.storeBytes(of: key.loadUnaligned(as: UInt32.self), as: UInt32.self)
            other.tick.storeBytes(of: tick.loadUnaligned(as: UInt16.self), as: UInt16.self)
            other.flags.storeBytes(of: flags.load(as: UInt8.self), as: UInt8.self)
            other.name.copyMemory(from: name, byteCount: 20)
        }
    }

    @inline(__always)
    func place(_ row: Int) -> Place {
        // `block` exists whenever there is a row; without rows the address below is never used.
        let base = block.unsafelyUnwrapped
        if capacity <= BlockPool.chunkRows { return Place(base: base, rows: capacity, row: row) }
        let chunk = base.load(fromByteOffset: (row >> 6) &* 8, as: UnsafeMutableRawPointer.self)
        return Place(base: chunk, rows: BlockPool.chunkRows, row: row & 63)
    }

    @inline(__always)
    func endpoint(_ row: Int) -> E { E(loading: place(row).endpoint) }
    @inline(__always)
    func tick(_ row: Int) -> UInt16 { place(row).tick.loadUnaligned(as: UInt16.self) }
    @inline(__always)
    func flags(_ row: Int) -> UInt8 { place(row).flags.load(as: UInt8.self) }

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
        if index.isEmpty, parts == nil {
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
        return part(hash).find(hash) { self.endpoint($0) == endpoint && ($0 >= shown) == isHidden }
    }

    /// The representative row of an endpoint's source, or -1.
    @inline(__always)
    func findFirst(_ endpoint: E, sip: SipHash) -> Int {
        // Scanning a few representatives at the front is cheaper than a hash and the index.
        let firsts = Int(ends[3])
        if firsts <= 4 || (index.isEmpty && parts == nil) {
            for row in 0..<firsts where self.endpoint(row).source == endpoint.source { return row }
            return -1
        }
        let hash = endpoint.sourceHash(sip)
        return part(hash).find(hash) { isFirst($0) && self.endpoint($0).source == endpoint.source }
    }

    /// The hash under which a row is indexed.
    @inline(__always)
    private func indexHash(_ row: Int, sip: SipHash) -> UInt64 {
        isFirst(row) ? endpoint(row).sourceHash(sip) : endpoint(row).hash(sip)
    }

    /// The row of the peer with this peer id and key, or -1. Examines every row.
    func find(name: PeerName, key: UInt32) -> Int {
        for row in 0..<count {
            let place = place(row)
            if place.key.loadUnaligned(as: UInt32.self) == key, PeerName(loading: place.name) == name { return row }
        }
        return -1
    }

    @inline(__always)
    private func part(_ hash: UInt64) -> RowIndex {
        if let parts { return parts[Int(hash >> 58)] }
        return index
    }

    // MARK: Changing

    /// Writes everything except the endpoint of a row that stays in its group.
    mutating func update(_ row: Int, _ details: Details) {
        let place = place(row)
        let old = place.flags.load(as: UInt8.self)
        if old != details.flags {
            count(flags: old, by: -1)
            count(flags: details.flags, by: 1)
        }
        write(details, at: place)
    }

    private func write(_ details: Details, at place: Place) {
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
        reserveRow(&pool)
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
        let place = place(hole)
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
        let place = place(row)
        return Details(
            key: place.key.loadUnaligned(as: UInt32.self), tick: tick(row), flags: flags(row),
            name: PeerName(loading: place.name))
    }

    private mutating func relocate(from old: Int, to new: Int, isFirst: Bool, sip: SipHash) {
        let source = place(old)
        if hasIndex {
            let endpoint = E(loading: source.endpoint)
            let hash = isFirst ? endpoint.sourceHash(sip) : endpoint.hash(sip)
            part(hash).move(hash, from: old, to: new)
        }
        source.copy(to: place(new))
    }

    // MARK: Index

    private var hasIndex: Bool { parts != nil || !index.isEmpty }

    private mutating func enter(row: Int, sip: SipHash) {
        guard hasIndex || count > PeerTable.unindexedRows else { return }
        let hash = indexHash(row, sip: sip)
        if let parts {
            let part = parts + Int(hash >> 58)
            if !part.pointee.hasRoom { grow(&part.pointee, sip: sip) }
            part.pointee.insert(hash, row: row)
        } else if !index.isEmpty {
            if count > PeerTable.splitRows {
                split(sip: sip)
                return
            }
            if !index.hasRoom { growIndex(sip: sip) }
            index.insert(hash, row: row)
        } else if count > PeerTable.unindexedRows {
            index.reset(rows: count + count / 2)
            for row in 0..<count { index.insert(indexHash(row, sip: sip), row: row) }
        }
    }

    private mutating func growIndex(sip: SipHash) {
        var wider = index
        grow(&wider, sip: sip)
        index = wider
    }

    /// Creates an index of twice the used size; also used to shrink an index.
    private func grow(_ old: inout RowIndex, sip: SipHash) {
        var wider = RowIndex(isWide: parts != nil)
        wider.reset(rows: old.used * 2)
        old.forEach { wider.insert(indexHash($0, sip: sip), row: $0) }
        old.release()
        old = wider
    }

    private mutating func split(sip: SipHash) {
        let made = UnsafeMutablePointer<RowIndex>.allocate(capacity: 64)
        made.initialize(repeating: RowIndex(isWide: true), count: 64)
        for part in 0..<64 { made[part].reset(rows: count / 32) }
        parts = made
        index.release()
        for row in 0..<count {
            let hash = indexHash(row, sip: sip)
            let part = made + Int(hash >> 58)
            if !part.pointee.hasRoom { grow(&part.pointee, sip: sip) }
            part.pointee.insert(hash, row: row)
        }
    }

    private mutating func leave(_ row: Int, sip: SipHash) {
        guard hasIndex else { return }
        let hash = indexHash(row, sip: sip)
        if let parts {
            parts[Int(hash >> 58)].remove(hash, row: row) { self.indexHash($0, sip: sip) }
        } else {
            let table = self
            index.remove(hash, row: row) { table.indexHash($0, sip: sip) }
        }
    }

    private mutating func dropIndex() {
        index.release()
        if let parts {
            for part in 0..<64 { parts[part].release() }
            parts.deallocate()
        }
        parts = nil
    }

    // MARK: Memory

    private mutating func reserveRow(_ pool: inout BlockPool) {
        guard count == capacity else { return }
        if capacity < BlockPool.chunkRows {
            resizeBlock(rows: capacity + 1, &pool)
        } else {
            let chunks = capacity / BlockPool.chunkRows
            if capacity == BlockPool.chunkRows, directoryCapacity == 0 {
                let only = block
                setDirectory(capacity: 4, keeping: 0)
                block?.storeBytes(of: only, as: UnsafeMutableRawPointer?.self)
            } else if chunks == directoryCapacity {
                setDirectory(capacity: directoryCapacity * 2, keeping: chunks)
            }
            let added = pool.allocate(sizeClass: BlockPool.capacities.count - 1)
            block?.storeBytes(of: added, toByteOffset: chunks * 8, as: UnsafeMutableRawPointer.self)
            capacity += BlockPool.chunkRows
        }
    }

    private mutating func setDirectory(capacity: Int, keeping chunks: Int) {
        let wider = UnsafeMutableRawPointer.allocate(byteCount: capacity * 8, alignment: 8)
        if chunks > 0, let block {
            wider.copyMemory(from: block, byteCount: chunks * 8)
            block.deallocate()
        }
        block = wider
        directoryCapacity = capacity
    }

    /// Moves the rows to one block with at least `rows` rows, 64 at most.
    private mutating func resizeBlock(rows: Int, _ pool: inout BlockPool) {
        let sizeClass = BlockPool.sizeClass(rows: rows)
        let target = pool.allocate(sizeClass: sizeClass)
        let size = BlockPool.capacities[sizeClass]
        for row in 0..<count { place(row).copy(to: Place(base: target, rows: size, row: row)) }
        releaseBlocks(&pool)
        block = target
        capacity = size
    }

    private mutating func releaseBlocks(_ pool: inout BlockPool) {
        if directoryCapacity > 0 {
            for chunk in 0..<capacity / BlockPool.chunkRows {
                if let chunk = block?.load(fromByteOffset: chunk * 8, as: UnsafeMutableRawPointer.self) {
                    pool.release(chunk, sizeClass: BlockPool.capacities.count - 1)
                }
            }
            block?.deallocate()
        } else if let block {
            pool.release(block, sizeClass: BlockPool.sizeClass(rows: capacity))
        }
        block = nil
        directoryCapacity = 0
        capacity = 0
    }

    /// Frees memory, with some slack so that a peer that joins and leaves does not move memory each time.
    private mutating func returnRows(_ pool: inout BlockPool, sip: SipHash) {
        if count == 0 {
            release(&pool)
        } else if capacity > BlockPool.chunkRows {
            if count <= 40 {
                resizeBlock(rows: count + 1, &pool)
            } else if count + 2 * BlockPool.chunkRows <= capacity, let block {
                let last = capacity / BlockPool.chunkRows - 1
                pool.release(
                    block.load(fromByteOffset: last * 8, as: UnsafeMutableRawPointer.self),
                    sizeClass: BlockPool.capacities.count - 1)
                capacity -= BlockPool.chunkRows
            }
        } else if count * 3 <= capacity, capacity > 4 {
            resizeBlock(rows: count + 1, &pool)
        }
        if hasIndex, count <= PeerTable.unindexedRows / 2 {
            dropIndex()
        } else if parts == nil, index.capacity > 64, index.used * 8 < index.capacity {
            growIndex(sip: sip)
        }
    }

    /// Frees all memory; the table is then empty.
    mutating func release(_ pool: inout BlockPool) {
        dropIndex()
        ends = SIMD8(repeating: 0)
        rows = 0
        seedRows = 0
        partialSeedRows = 0
        releaseBlocks(&pool)
    }
}

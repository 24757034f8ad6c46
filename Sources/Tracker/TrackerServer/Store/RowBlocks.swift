/// The memory of a table's rows. Up to 64 rows are one block that grows through a few sizes; more are a directory of 64-row
/// blocks.
///
/// Unsafe memory: a row number is below the count of rows, which the table keeps and which never exceeds `capacity`; only
/// this type computes addresses from row numbers. The table calls `release` once.
struct RowBlocks<E: Endpoint> {
    /// Number of allocated rows.
    private var capacity = 0
    /// The block or, with more than 64 rows, the directory of blocks.
    private var block: UnsafeMutableRawPointer?
    private var directoryCapacity = 0

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

    /// Makes room for another row.
    /// - Parameter count: rows in use.
    mutating func reserveRow(count: Int, _ pool: inout BlockPool) {
        guard count == capacity else { return }
        if capacity < BlockPool.chunkRows {
            resize(rows: capacity + 1, keeping: count, &pool)
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
    private mutating func resize(rows: Int, keeping count: Int, _ pool: inout BlockPool) {
        let sizeClass = BlockPool.sizeClass(rows: rows)
        let target = pool.allocate(sizeClass: sizeClass)
        let size = BlockPool.capacities[sizeClass]
        for row in 0..<count { place(row).copy(to: Place(base: target, rows: size, row: row)) }
        release(&pool)
        block = target
        capacity = size
    }

    /// Frees all blocks.
    mutating func release(_ pool: inout BlockPool) {
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

    /// Frees blocks that `count` rows do not need, with some slack.
    /// - Parameter count: at least 1.
    mutating func shrink(count: Int, _ pool: inout BlockPool) {
        if capacity > BlockPool.chunkRows {
            if count <= 40 {
                resize(rows: count + 1, keeping: count, &pool)
            } else if count + 2 * BlockPool.chunkRows <= capacity, let block {
                let last = capacity / BlockPool.chunkRows - 1
                pool.release(
                    block.load(fromByteOffset: last * 8, as: UnsafeMutableRawPointer.self),
                    sizeClass: BlockPool.capacities.count - 1)
                capacity -= BlockPool.chunkRows
            }
        } else if count * 3 <= capacity, capacity > 4 {
            resize(rows: count + 1, keeping: count, &pool)
        }
    }
}

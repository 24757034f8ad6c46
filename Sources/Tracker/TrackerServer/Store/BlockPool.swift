/// Allocates memory for rows of peers in blocks of a few sizes, so that a million peers in swarms of any size waste
/// little and growth never moves a large heap. Freed blocks are reused and not returned to the system: the limit on
/// peers bounds the pool.
///
/// Not thread-safe: one store, one thread.
struct BlockPool {
    /// Number of rows in a block, by size class.
    static let capacities: [Int] = [2, 4, 6, 8, 12, 16, 24, 32, 48, 64]
    /// Number of rows in the largest block, of which large tables consist.
    static let chunkRows = 64
    private static let arenaBytes = 256 * 1024

    private let rowBytes: Int
    private var free: [UnsafeMutableRawPointer?]
    private var arenas: [UnsafeMutableRawPointer] = []
    private var cursor = 0
    private(set) var blocksInUse = 0

    init(rowBytes: Int) {
        self.rowBytes = rowBytes
        free = Array(repeating: nil, count: BlockPool.capacities.count)
    }

    /// The smallest class with at least `rows` rows; the largest class if there is none.
    static func sizeClass(rows: Int) -> Int {
        capacities.firstIndex { $0 >= rows } ?? capacities.count - 1
    }

    private func bytes(_ sizeClass: Int) -> Int { (BlockPool.capacities[sizeClass] * rowBytes + 7) & ~7 }

    mutating func allocate(sizeClass: Int) -> UnsafeMutableRawPointer {
        blocksInUse += 1
        if let block = free[sizeClass] {
            // The first word of a free block points to the next one.
            free[sizeClass] = block.load(as: UnsafeMutableRawPointer?.self)
            return block
        }
        let size = bytes(sizeClass)
        if arenas.isEmpty || cursor + size > BlockPool.arenaBytes {
            arenas.append(.allocate(byteCount: BlockPool.arenaBytes, alignment: 16))
            cursor = 0
        }
        let block = arenas[arenas.count - 1] + cursor
        cursor += size
        return block
    }

    mutating func release(_ block: UnsafeMutableRawPointer, sizeClass: Int) {
        blocksInUse -= 1
        block.storeBytes(of: free[sizeClass], as: UnsafeMutableRawPointer?.self)
        free[sizeClass] = block
    }

    func deallocate() {
        for arena in arenas { arena.deallocate() }
    }
}

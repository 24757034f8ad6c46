/// Maps the hash of an endpoint to a row number: open addressing with linear probing. Deletion closes the gap, so there
/// are no tombstones. Stores row numbers only; the table that owns it compares endpoints.
///
/// Slots are 16 bits wide while row numbers fit, which saves two bytes for each peer and half the cache misses.
struct RowIndex {
    private var slots: UnsafeMutableRawPointer?
    private(set) var mask = 0
    private(set) var used = 0
    private let isWide: Bool

    /// - Parameter isWide: whether rows from 65,535 on will be added.
    init(isWide: Bool) {
        self.isWide = isWide
    }

    var isEmpty: Bool { slots == nil }
    /// Number of slots.
    var capacity: Int { slots == nil ? 0 : mask + 1 }

    @inline(__always)
    private func get(_ slot: Int) -> Int {
        guard let slots else { return -1 }
        // In range: every slot number is masked.
        if isWide {
            let row = slots.load(fromByteOffset: slot &* 4, as: UInt32.self)
            return row == .max ? -1 : Int(row)
        }
        let row = slots.load(fromByteOffset: slot &* 2, as: UInt16.self)
        return row == .max ? -1 : Int(row)
    }

    @inline(__always)
    private func set(_ slot: Int, _ row: Int) {
        if isWide {
            slots?.storeBytes(of: UInt32(truncatingIfNeeded: row), toByteOffset: slot &* 4, as: UInt32.self)
        } else {
            slots?.storeBytes(of: UInt16(truncatingIfNeeded: row), toByteOffset: slot &* 2, as: UInt16.self)
        }
    }

    /// The row with this hash for which `matches` is true; -1 if there is none.
    @inline(__always)
    func find(_ hash: UInt64, matches: (Int) -> Bool) -> Int {
        var slot = Int(truncatingIfNeeded: hash) & mask
        while true {
            let row = get(slot)
            if row < 0 || matches(row) { return row }
            slot = (slot &+ 1) & mask
        }
    }

    /// Whether another row fits without long probe sequences.
    var hasRoom: Bool { slots != nil && (used + 1) * 4 <= (mask + 1) * 3 }

    /// Creates an empty index with room for `rows`, and discards the old one.
    mutating func reset(rows: Int) {
        release()
        var count = 32
        while rows * 4 > count * 3 { count *= 2 }
        let bytes = count * (isWide ? 4 : 2)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 8)
        memory.initializeMemory(as: UInt8.self, repeating: 0xff, count: bytes)
        slots = memory
        mask = count - 1
        used = 0
    }

    mutating func release() {
        slots?.deallocate()
        slots = nil
        mask = 0
        used = 0
    }

    /// Adds a row that is not in the index; `hasRoom` must be true.
    mutating func insert(_ hash: UInt64, row: Int) {
        var slot = Int(truncatingIfNeeded: hash) & mask
        while get(slot) >= 0 { slot = (slot &+ 1) & mask }
        set(slot, row)
        used += 1
    }

    /// Call when the row with this hash has moved.
    func move(_ hash: UInt64, from old: Int, to new: Int) {
        var slot = Int(truncatingIfNeeded: hash) & mask
        while true {
            let row = get(slot)
            if row < 0 { return }
            if row == old {
                set(slot, new)
                return
            }
            slot = (slot &+ 1) & mask
        }
    }

    /// Removes a row; `hashOf` returns the hash of any other row.
    mutating func remove(_ hash: UInt64, row: Int, hashOf: (Int) -> UInt64) {
        var gap = Int(truncatingIfNeeded: hash) & mask
        while true {
            let found = get(gap)
            if found < 0 { return }
            if found == row { break }
            gap = (gap &+ 1) & mask
        }
        used -= 1
        var next = gap
        while true {
            next = (next &+ 1) & mask
            let follower = get(next)
            guard follower >= 0 else { break }
            // The follower may fill the gap unless its own home slot is after the gap.
            let home = Int(truncatingIfNeeded: hashOf(follower)) & mask
            if (next &- home) & mask >= (next &- gap) & mask {
                set(gap, follower)
                gap = next
            }
        }
        set(gap, -1)
    }

    /// All rows, in no particular order.
    func forEach(_ body: (Int) -> Void) {
        guard slots != nil else { return }
        for slot in 0...mask {
            let row = get(slot)
            if row >= 0 { body(row) }
        }
    }
}

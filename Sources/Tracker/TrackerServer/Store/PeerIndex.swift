import Tracking

/// Finds the rows of a table that has more than a few: one index, or 64 by the hash's first bits, so that no growth stops the
/// server for long. The table says what the hash of a row is.
struct PeerIndex {
    private static var unindexedRows: Int { 16 }
    /// From this number of rows, the index has 64 parts.
    private static var splitRows: Int { 32_768 }

    private var whole = RowIndex(isWide: false)
    private var parts: UnsafeMutablePointer<RowIndex>?

    /// Rows are found by looking at all of them.
    @inline(__always)
    var isEmpty: Bool { parts == nil && whole.isEmpty }

    @inline(__always)
    private func part(_ hash: UInt64) -> RowIndex {
        if let parts { return parts[Int(hash >> 58)] }
        return whole
    }

    /// The row with this hash for which `matches` is true; -1 if there is none.
    @inline(__always)
    func find(_ hash: UInt64, matches: (Int) -> Bool) -> Int { part(hash).find(hash, matches: matches) }

    @inline(__always)
    func move(_ hash: UInt64, from old: Int, to new: Int) { part(hash).move(hash, from: old, to: new) }

    /// Enters a row that has come.
    /// - Parameter count: rows of the table, this one too.
    mutating func enter(_ row: Int, count: Int, hash: (Int) -> UInt64) {
        guard !isEmpty || count > PeerIndex.unindexedRows else { return }
        if let parts {
            let own = hash(row)
            let part = parts + Int(own >> 58)
            if !part.pointee.hasRoom { Self.resize(&part.pointee, isWide: true, hash) }
            part.pointee.insert(own, row: row)
        } else if !whole.isEmpty {
            if count > PeerIndex.splitRows { return split(count, hash) }
            if !whole.hasRoom { Self.resize(&whole, isWide: false, hash) }
            whole.insert(hash(row), row: row)
        } else {
            whole.reset(rows: count + count / 2)
            for row in 0..<count { whole.insert(hash(row), row: row) }
        }
    }

    /// Removes a row that is about to go.
    mutating func leave(_ row: Int, hash: (Int) -> UInt64) {
        if let parts {
            let own = hash(row)
            parts[Int(own >> 58)].remove(own, row: row, hashOf: hash)
        } else if !whole.isEmpty {
            whole.remove(hash(row), row: row, hashOf: hash)
        }
    }

    /// Frees what `count` rows do not need.
    mutating func shrink(count: Int, hash: (Int) -> UInt64) {
        if !isEmpty, count <= PeerIndex.unindexedRows / 2 {
            release()
        } else if parts == nil, whole.capacity > 64, whole.used * 8 < whole.capacity {
            Self.resize(&whole, isWide: false, hash)
        }
    }

    /// Replaces an index by one of twice the used size: a wider or a smaller one.
    private static func resize(_ old: inout RowIndex, isWide: Bool, _ hash: (Int) -> UInt64) {
        var new = RowIndex(isWide: isWide)
        new.reset(rows: old.used * 2)
        old.forEach { new.insert(hash($0), row: $0) }
        old.release()
        old = new
    }

    private mutating func split(_ count: Int, _ hash: (Int) -> UInt64) {
        let made = UnsafeMutablePointer<RowIndex>.allocate(capacity: 64)
        made.initialize(repeating: RowIndex(isWide: true), count: 64)
        for part in 0..<64 { made[part].reset(rows: count / 32) }
        parts = made
        whole.release()
        for row in 0..<count {
            let own = hash(row)
            let part = made + Int(own >> 58)
            if !part.pointee.hasRoom { Self.resize(&part.pointee, isWide: true, hash) }
            part.pointee.insert(own, row: row)
        }
    }

    mutating func release() {
        whole.release()
        if let parts {
            for part in 0..<64 { parts[part].release() }
            parts.deallocate()
        }
        parts = nil
    }
}

/// The hash under which each row of a table is indexed: a representative's is that of its source.
struct RowHashes<E: Endpoint> {
    let blocks: RowBlocks<E>
    /// Rows before this one are representatives.
    let firsts: Int
    let sip: SipHash

    @inline(__always)
    func hash(of row: Int) -> UInt64 {
        let endpoint = E(loading: blocks.place(row).endpoint)
        return row < firsts ? endpoint.sourceHash(sip) : endpoint.hash(sip)
    }
}

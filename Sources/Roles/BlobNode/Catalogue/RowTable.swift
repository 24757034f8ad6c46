import Hashing
import Metainfo

/// The rows of a catalogue, with indexes by digest and by swarm hash. A row takes 104 bytes, and 8 to 16 in each index. Rows
/// never move, so growing copies none.
struct RowTable: ~Copyable {
    typealias Number = UInt32

    private static let chunkRows = 8_192

    private var chunks: [UnsafeMutablePointer<BlobRow>] = []
    private var used: Number = 0
    private var free: [Number] = []
    private var byDigest = RowIndex()
    private var bySwarm = RowIndex()
    /// The index by the swarm hashes that are made from the secret. The hashes are not stored, which saves 20 bytes a blob:
    /// they are computed whenever they are needed.
    private var bySecret = RowIndex()
    private(set) var secret: SwarmSecret?
    /// The number of rows that hold a blob.
    private(set) var count = 0
    /// The end of the row numbers that have been used: rows below it may hold a blob.
    var end: Number { used }

    deinit { for chunk in chunks { chunk.deallocate() } }

    private func pointer(_ number: Number) -> UnsafeMutablePointer<BlobRow> {
        chunks[Int(number) / Self.chunkRows] + Int(number) % Self.chunkRows
    }

    subscript(number: Number) -> BlobRow {
        get { pointer(number).pointee }
        nonmutating set { pointer(number).pointee = newValue }
    }

    /// Whether a row holds a blob: a freed row does not.
    func isUsed(_ number: Number) -> Bool { pointer(number).pointee.size >= 0 }

    // MARK: Finding

    func find(_ digest: SHA256Digest) -> Number? {
        byDigest.find(byDigest.hash(digest)) { pointer($0).pointee.digest == digest }
    }

    func find(swarm hash: SHA1Digest) -> Number? {
        bySwarm.find(bySwarm.hash(hash)) { pointer($0).pointee.infoHash == hash }
    }

    /// The row of the blob whose swarm hash, made from the secret, is `hash`.
    func find(secretSwarm hash: SHA1Digest) -> Number? {
        guard let secret else { return nil }
        return bySecret.find(bySecret.hash(hash)) { secret.wireHash(of: pointer($0).pointee.infoHash) == hash }
    }

    /// Replaces the secret from which swarm hashes are made; nil for none. Computes the hashes of all rows.
    mutating func setSecret(_ secret: SwarmSecret?) {
        guard secret != self.secret else { return }
        self.secret = secret
        bySecret = RowIndex(room: secret == nil ? 0 : count)
        guard secret != nil else { return }
        for number in 0..<used where isUsed(number) { linkSecretSwarm(number) }
    }

    // MARK: Changing

    /// Replaces a blob's row, or adds one.
    mutating func put(_ row: BlobRow) -> Number {
        if let number = find(row.digest) {
            unlinkSwarm(number)
            pointer(number).pointee = row
            linkSwarm(number)
            return number
        }
        let number = place()
        pointer(number).initialize(to: row)
        count += 1
        let chunks = chunks
        byDigest.insert(number, byDigest.hash(row.digest)) { index, other in
            index.hash(Self.row(other, chunks).digest)
        }
        linkSwarm(number)
        return number
    }

    mutating func remove(_ number: Number) {
        unlinkSwarm(number)
        let chunks = chunks
        byDigest.remove(number, byDigest.hash(pointer(number).pointee.digest)) { index, other in
            index.hash(Self.row(other, chunks).digest)
        }
        pointer(number).pointee.size = -1
        free.append(number)
        count -= 1
    }

    private static func row(_ number: Number, _ chunks: [UnsafeMutablePointer<BlobRow>]) -> BlobRow {
        chunks[Int(number) / chunkRows][Int(number) % chunkRows]
    }

    private mutating func place() -> Number {
        if let number = free.popLast() { return number }
        if Int(used) == chunks.count * Self.chunkRows { chunks.append(.allocate(capacity: Self.chunkRows)) }
        used += 1
        return used - 1
    }

    private mutating func linkSwarm(_ number: Number) {
        let row = pointer(number).pointee
        // Two blobs with one info hash would be a collision of SHA-1: the first keeps the swarm.
        guard row.hasSwarm, find(swarm: row.infoHash) == nil else { return }
        let chunks = chunks
        bySwarm.insert(number, bySwarm.hash(row.infoHash)) { index, other in
            index.hash(Self.row(other, chunks).infoHash)
        }
        linkSecretSwarm(number)
    }

    private mutating func linkSecretSwarm(_ number: Number) {
        let row = pointer(number).pointee
        guard let secret, row.hasSwarm else { return }
        let hash = secret.wireHash(of: row.infoHash)
        let chunks = chunks
        bySecret.insert(number, bySecret.hash(hash)) { index, other in
            index.hash(secret.wireHash(of: Self.row(other, chunks).infoHash))
        }
    }

    private mutating func unlinkSwarm(_ number: Number) {
        let row = pointer(number).pointee
        guard row.hasSwarm else { return }
        let chunks = chunks
        bySwarm.remove(number, bySwarm.hash(row.infoHash)) { index, other in
            index.hash(Self.row(other, chunks).infoHash)
        }
        guard let secret else { return }
        bySecret.remove(number, bySecret.hash(secret.wireHash(of: row.infoHash))) { index, other in
            index.hash(secret.wireHash(of: Self.row(other, chunks).infoHash))
        }
    }
}

/// A hash table of row numbers: open addressing with linear probing, half full at most.
private struct RowIndex: ~Copyable {
    /// A row's number plus 1; 0 for a free slot.
    private var slots: UnsafeMutableBufferPointer<UInt32>
    private var count = 0
    /// Random, so that an attacker cannot choose digests that collide in one slot.
    private let seed = UInt64.random(in: 0 ... .max)

    /// - Parameter count: the rows that the table can hold without growing.
    init(room count: Int = 0) {
        var capacity = 64
        while capacity < 2 * count + 2 { capacity *= 2 }
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: 0)
    }

    deinit { slots.deallocate() }

    func hash(_ digest: SHA256Digest) -> UInt64 { digest.withUnsafeBytes { mix($0) } }
    func hash(_ digest: SHA1Digest) -> UInt64 { digest.withUnsafeBytes { mix($0) } }

    private func mix(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash = seed
        for offset in [0, 8] {
            hash = (hash ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0xd6e8_feb8_6659_fd93
            hash ^= hash >> 32
        }
        return hash
    }

    private func slot(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & (slots.count - 1) }
    private func next(_ slot: Int) -> Int { (slot + 1) & (slots.count - 1) }

    func find(_ hash: UInt64, isIt: (UInt32) -> Bool) -> UInt32? {
        var slot = slot(hash)
        while slots[slot] != 0 {
            if isIt(slots[slot] - 1) { return slots[slot] - 1 }
            slot = next(slot)
        }
        return nil
    }

    mutating func insert(_ number: UInt32, _ hash: UInt64, hashOf: (borrowing RowIndex, UInt32) -> UInt64) {
        if count * 2 >= slots.count { grow(hashOf) }
        place(number, hash)
        count += 1
    }

    private mutating func place(_ number: UInt32, _ hash: UInt64) {
        var slot = slot(hash)
        while slots[slot] != 0 { slot = next(slot) }
        slots[slot] = number + 1
    }

    private mutating func grow(_ hashOf: (borrowing RowIndex, UInt32) -> UInt64) {
        let old = slots
        slots = .allocate(capacity: old.count * 2)
        slots.initialize(repeating: 0)
        for entry in old where entry != 0 { place(entry - 1, hashOf(self, entry - 1)) }
        old.deallocate()
    }

    /// Removes a row, and moves later entries into the gap, so that probing from their home slots still finds them.
    mutating func remove(_ number: UInt32, _ hash: UInt64, hashOf: (borrowing RowIndex, UInt32) -> UInt64) {
        var gap = slot(hash)
        while slots[gap] != number + 1 {
            if slots[gap] == 0 { return }
            gap = next(gap)
        }
        count -= 1
        var slot = next(gap)
        while slots[slot] != 0 {
            let home = self.slot(hashOf(self, slots[slot] - 1))
            // An entry may move to the gap if the gap is not before its home slot, counted around the end of the table.
            let (fromHome, fromGap) = ((slot - home) & (slots.count - 1), (slot - gap) & (slots.count - 1))
            if fromHome >= fromGap {
                slots[gap] = slots[slot]
                gap = slot
            }
            slot = next(slot)
        }
        slots[gap] = 0
    }
}

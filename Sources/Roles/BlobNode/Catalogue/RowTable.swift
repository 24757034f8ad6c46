import Hashing
import Metainfo

/// The rows of a catalogue, found by digest and by swarm: 104 bytes a blob, and 8 to 16 for finding it by each. Rows never move,
/// so that growing copies none.
struct RowTable: ~Copyable {
    typealias Number = UInt32

    private static let chunkRows = 8_192

    private var chunks: [UnsafeMutablePointer<BlobRow>] = []
    private var used: Number = 0
    private var free: [Number] = []
    private var byDigest = RowIndex()
    private var bySwarm = RowIndex()
    /// The same by the hashes that the swarms' secret makes, which are made anew whenever they are needed: they would take 20 bytes
    /// a blob.
    private var bySecret = RowIndex()
    private(set) var secret: SwarmSecret?
    /// Rows that hold a blob.
    private(set) var count = 0
    /// Rows up to here may hold a blob.
    var end: Number { used }

    deinit { for chunk in chunks { chunk.deallocate() } }

    private func pointer(_ number: Number) -> UnsafeMutablePointer<BlobRow> {
        chunks[Int(number) / Self.chunkRows] + Int(number) % Self.chunkRows
    }

    subscript(number: Number) -> BlobRow {
        get { pointer(number).pointee }
        nonmutating set { pointer(number).pointee = newValue }
    }

    /// Whether a row holds a blob: one that was freed holds none.
    func isUsed(_ number: Number) -> Bool { pointer(number).pointee.size >= 0 }

    // MARK: Finding

    func find(_ digest: SHA256Digest) -> Number? {
        byDigest.find(byDigest.hash(digest)) { pointer($0).pointee.digest == digest }
    }

    func find(swarm hash: SHA1Digest) -> Number? {
        bySwarm.find(bySwarm.hash(hash)) { pointer($0).pointee.infoHash == hash }
    }

    /// The blob whose swarm goes by this hash among those who know the secret.
    func find(secretSwarm hash: SHA1Digest) -> Number? {
        guard let secret else { return nil }
        return bySecret.find(bySecret.hash(hash)) { secret.wireHash(of: pointer($0).pointee.infoHash) == hash }
    }

    /// Swarms go by another secret from now on, or by none.
    mutating func setSecret(_ secret: SwarmSecret?) {
        guard secret != self.secret else { return }
        self.secret = secret
        bySecret = RowIndex(room: secret == nil ? 0 : count)
        guard secret != nil else { return }
        for number in 0..<used where isUsed(number) { linkSecretSwarm(number) }
    }

    // MARK: Changing

    /// Puts a row in the place of the blob's old one, or in a new place.
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
        // Two blobs of one swarm would be a collision of SHA-1: the first keeps it.
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

/// Numbers of rows by a hash of theirs: open addressing with linear probing, half full at most.
private struct RowIndex: ~Copyable {
    /// A row's number and 1; 0 for a free slot.
    private var slots: UnsafeMutableBufferPointer<UInt32>
    private var count = 0
    /// So that nobody can make digests which meet in one slot.
    private let seed = UInt64.random(in: 0 ... .max)

    /// - Parameter count: rows that it is to hold without growing.
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

    /// Those behind it move up, so that no gap parts them from where they are looked for.
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
            // It may move to the gap if that does not lie before its home, around the end of the table.
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

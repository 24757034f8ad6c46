import Blobs
import Hashing
import Metainfo
import Synchronization

/// The facts about each blob that this host has, in memory: 120 bytes a blob. Thread-safe.
package final class BlobCatalogue: Sendable {
    package struct Entry: Sendable, Hashable {
        /// The blob's size in bytes.
        package let size: Int64
        /// The info hash of the blob's swarm; nil for a blob without bytes, which has no swarm.
        package let infoHash: SHA1Digest?
        /// The SHA-256 of the info dictionary; nil for a blob without bytes.
        package let infoDigest: SHA256Digest?
        /// When the blob was last pushed, read or uploaded to a peer, in seconds since 1970.
        package let usedAt: Double
        /// When all of the blob's bytes were last verified, in whole seconds since 1970; 0 if they are to be verified soon.
        package let checkedAt: Double

        init(_ row: BlobRow) {
            size = row.size
            infoHash = row.hasSwarm ? row.infoHash : nil
            infoDigest = row.hasSwarm ? row.infoDigest : nil
            usedAt = row.usedAt
            checkedAt = Double(row.checkedAt)
        }
    }

    struct State: ~Copyable {
        var rows = RowTable()
        var bytes: Int64 = 0
        /// The number of leases of each blob that has any.
        var leases: [SHA256Digest: Int] = [:]
        /// The indices of the damaged pieces of each blob that has any.
        var bad: [SHA256Digest: Set<Int>] = [:]
        /// Rows that are missing from the catalogue's file, or differ there.
        var changed: [UInt32] = []
        var isChanged = RowMarks()

        mutating func note(_ number: UInt32) {
            if isChanged.insert(number) { changed.append(number) }
        }

        mutating func put(_ row: BlobRow) {
            let old = rows.find(row.digest).map { rows[$0].size }
            note(rows.put(row))
            bytes += row.size - (old ?? 0)
            if !bad.isEmpty { bad[row.digest] = nil }
        }

        mutating func remove(_ number: UInt32) {
            bytes -= rows[number].size
            if !bad.isEmpty { bad[rows[number].digest] = nil }
            rows.remove(number)
        }
    }

    let state = Mutex(State())
    /// Rows that are visited under one lock, so that other threads do not wait for long.
    static let stride: UInt32 = 8_192

    package init() {}

    /// Adds a blob, or replaces its facts.
    /// - Parameters:
    ///   - info: the blob's torrent; nil for the blob without bytes.
    ///   - usedAt: seconds since 1970.
    package func add(_ digest: SHA256Digest, _ info: BlobInfo?, usedAt: Double) {
        let row = BlobRow(
            digest: digest, infoHash: info?.infoHash, infoDigest: info?.infoDigest, size: info?.length ?? 0,
            usedAt: usedAt, checkedAt: usedAt)
        state.withLock { $0.put(row) }
    }

    package func remove(_ digest: SHA256Digest) {
        state.withLock { state in if let number = state.rows.find(digest) { state.remove(number) } }
    }

    // MARK: Use

    /// Records a use of a blob, and keeps the blob from being evicted until the lease is deallocated.
    /// - Returns: nil for a blob that is not in the catalogue.
    package func lease(_ digest: SHA256Digest, at time: Double) -> (entry: Entry, lease: BlobLease)? {
        let entry = state.withLock { state -> Entry? in
            guard let number = state.rows.find(digest) else { return nil }
            state.rows[number].usedAt = time
            state.note(number)
            state.leases[digest, default: 0] += 1
            return Entry(state.rows[number])
        }
        guard let entry else { return nil }
        return (entry, BlobLease { [self] in release(digest) })
    }

    /// Leases a blob that may still be missing: once it is in the catalogue, it is not evicted until the lease is
    /// deallocated.
    package func reserve(_ digest: SHA256Digest) -> BlobLease {
        state.withLock { $0.leases[digest, default: 0] += 1 }
        return BlobLease { [self] in release(digest) }
    }

    private func release(_ digest: SHA256Digest) {
        state.withLock { state in
            let left = (state.leases[digest] ?? 1) - 1
            state.leases[digest] = left > 0 ? left : nil
        }
    }

    package func isOnLease(_ digest: SHA256Digest) -> Bool { state.withLock { $0.leases[digest] != nil } }

    /// What was known of a blob that was removed.
    package struct Removed: Sendable {
        fileprivate let row: BlobRow
        fileprivate let bad: Set<Int>?
    }

    /// Removes a blob that is here, that nobody has on lease, and that nobody used after a time.
    /// - Returns: nil if it was not removed.
    package func take(_ digest: SHA256Digest, unlessUsedAfter time: Double) -> Removed? {
        state.withLock { state in
            guard state.leases[digest] == nil, let number = state.rows.find(digest), state.rows[number].usedAt <= time
            else { return nil }
            let removed = Removed(row: state.rows[number], bad: state.bad[digest])
            state.remove(number)
            return removed
        }
    }

    /// A blob that was removed is here after all. A newer entry stays.
    package func restore(_ removed: Removed) {
        state.withLock { state in
            let digest = removed.row.digest
            guard state.rows.find(digest) == nil else { return }
            state.put(removed.row)
            state.bad[digest] = removed.bad
        }
    }

    /// Removes a blob that has no lease and was not used after a time.
    /// - Returns: whether it was removed.
    package func remove(_ digest: SHA256Digest, unlessUsedAfter time: Double) -> Bool {
        take(digest, unlessUsedAfter: time) != nil
    }

    /// The facts about a blob; nil if the blob is not in the catalogue or has damaged pieces.
    package func entry(of digest: SHA256Digest) -> Entry? {
        state.withLock { state in
            state.bad[digest] == nil ? state.rows.find(digest).map { Entry(state.rows[$0]) } : nil
        }
    }

    /// The facts about a blob, even if it has damaged pieces; nil if the blob is not in the catalogue.
    package func entryOfAny(_ digest: SHA256Digest) -> Entry? {
        state.withLock { state in state.rows.find(digest).map { Entry(state.rows[$0]) } }
    }

    /// The blob whose swarm has this hash in handshakes, and the secret from which the hash was made; the secret is nil for
    /// a torrent's own info hash.
    package func swarm(of hash: SHA1Digest) -> (digest: SHA256Digest, secret: SwarmSecret?)? {
        state.withLock { state -> (digest: SHA256Digest, secret: SwarmSecret?)? in
            if let number = state.rows.find(secretSwarm: hash) { return (state.rows[number].digest, state.rows.secret) }
            return state.rows.find(swarm: hash).map { (state.rows[$0].digest, nil) }
        }
    }

    /// Replaces the secret from which swarm hashes are made; nil for none. Takes about a second for a million blobs.
    package func setSecret(_ secret: SwarmSecret?) { state.withLock { $0.rows.setSecret(secret) } }

    /// Notes that a blob is used, and looks it up in the same step: collection, which removes what nobody used of late,
    /// does not come between the two.
    /// - Returns: nil for a blob that is not here, or that has wrong pieces.
    @discardableResult
    package func touch(_ digest: SHA256Digest, at time: Double) -> Entry? {
        state.withLock { state in
            guard let number = state.rows.find(digest) else { return nil }
            state.rows[number].usedAt = time
            state.note(number)
            return state.bad[digest] == nil ? Entry(state.rows[number]) : nil
        }
    }

    /// Records when all bytes of a blob were verified, in seconds since 1970; 0 for a blob that is to be verified soon.
    package func setChecked(_ digest: SHA256Digest, at time: Double) {
        state.withLock { state in
            guard let number = state.rows.find(digest) else { return }
            state.rows[number].checkedAt = BlobRow.seconds(time)
            state.note(number)
        }
    }

    /// Records the indices of a blob's damaged pieces; empty when the blob is intact.
    package func setBad(_ digest: SHA256Digest, _ pieces: Set<Int>) {
        state.withLock { state in
            guard state.rows.find(digest) != nil else { return }
            state.bad[digest] = pieces.isEmpty ? nil : pieces
        }
    }

    package func badPieces(of digest: SHA256Digest) -> Set<Int> { state.withLock { $0.bad[digest] ?? [] } }
    /// Blobs with damaged pieces, and the indices of these.
    package var badBlobs: [SHA256Digest: Set<Int>] { state.withLock { $0.bad } }

    // MARK: All

    package var figures: (blobs: Int, bytes: Int64) { state.withLock { ($0.rows.count, $0.bytes) } }

    /// Calls `body` with each blob, in any order. Blobs that are added or removed meanwhile may be left out.
    package func forEach(_ body: (SHA256Digest, Entry) -> Void) {
        visit { row in body(row.digest, Entry(row)) }
    }

    /// The next blobs that `isWanted` accepts.
    /// - Parameters:
    ///   - place: the position at which to continue: 0 for the first call. It becomes nil at the end.
    ///   - limit: the most blobs to return.
    package func some(
        from place: inout UInt32?, limit: Int, where isWanted: (Entry) -> Bool
    ) -> [(digest: SHA256Digest, entry: Entry)] {
        var found: [(digest: SHA256Digest, entry: Entry)] = []
        while let start = place, found.count < limit {
            place = state.withLock { state in
                let end = min(state.rows.end, start + Self.stride)
                for number in start..<max(start, end) where state.rows.isUsed(number) {
                    let entry = Entry(state.rows[number])
                    guard isWanted(entry) else { continue }
                    found.append((state.rows[number].digest, entry))
                    if found.count == limit { return number + 1 }
                }
                return end < state.rows.end ? end : nil
            }
        }
        return found
    }

    private func visit(_ body: (BlobRow) -> Void) {
        var start: UInt32 = 0
        while true {
            let isMore = state.withLock { state in
                let end = min(state.rows.end, start + Self.stride)
                for number in start..<max(start, end) where state.rows.isUsed(number) {
                    body(state.rows[number])
                }
                return end < state.rows.end
            }
            guard isMore else { return }
            start += Self.stride
        }
    }

    /// All blobs, least recently used first. This sorts them all: it is for hosts with some thousands of blobs.
    package var leastRecentlyUsed: [(digest: SHA256Digest, entry: Entry)] {
        var all: [(digest: SHA256Digest, entry: Entry)] = []
        forEach { all.append(($0, $1)) }
        return all.sorted { ($0.entry.usedAt, $0.digest) < ($1.entry.usedAt, $1.digest) }
    }
}

import Blobs
import Files
import Hashing
import Metainfo
import Synchronization

/// What this host knows of each blob that it has. Thread-safe; answers from memory.
package final class BlobCatalogue: Sendable {
    package struct Entry: Sendable, Hashable {
        /// Bytes.
        package let size: Int64
        /// Of the blob's swarm; nil for a blob without bytes, which has none.
        package let infoHash: SHA1Digest?
        /// The SHA-256 of the info dictionary; nil likewise.
        package let infoDigest: SHA256Digest?
        /// When it was last pushed, read or given, in seconds since 1970.
        package var usedAt: Double
    }

    private struct State {
        var entries: [SHA256Digest: Entry] = [:]
        var digests: [SHA1Digest: SHA256Digest] = [:]
        var bytes: Int64 = 0
        /// How many leases each blob has that has any.
        var leases: [SHA256Digest: Int] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// Reads what is in a directory, which blocks. Blobs whose torrents are missing or wrong are answered: they are to be
    /// read again.
    package func load(_ directory: BlobDirectory) throws -> [SHA256Digest] {
        var incomplete: [SHA256Digest] = []
        try directory.forEach { digest, status in
            let usedAt = Double(status.modified) / 1e9
            if status.size == 0 { return add(digest, nil, usedAt: usedAt) }
            guard let bytes = try directory.info(of: digest),
                let info = try? BlobInfo.parse(bytes, expecting: InfoExpectation(blob: digest, length: status.size))
            else { return incomplete.append(digest) }
            add(digest, info, usedAt: usedAt)
        }
        return incomplete
    }

    /// - Parameter info: nil for the blob without bytes.
    package func add(_ digest: SHA256Digest, _ info: BlobInfo?, usedAt: Double) {
        let entry = Entry(
            size: info?.length ?? 0, infoHash: info?.infoHash, infoDigest: info?.infoDigest, usedAt: usedAt)
        state.withLock { state in
            if state.entries.updateValue(entry, forKey: digest) == nil { state.bytes += entry.size }
            if let hash = entry.infoHash { state.digests[hash] = digest }
        }
    }

    package func remove(_ digest: SHA256Digest) {
        state.withLock { Self.remove(digest, &$0) }
    }

    private static func remove(_ digest: SHA256Digest, _ state: inout State) {
        guard let entry = state.entries.removeValue(forKey: digest) else { return }
        state.bytes -= entry.size
        if let hash = entry.infoHash { state.digests[hash] = nil }
    }

    // MARK: Use

    /// Notes that a blob is used, and keeps it from being evicted until the lease has gone.
    /// - Returns: nil for a blob that is not here.
    package func lease(_ digest: SHA256Digest, at time: Double) -> (entry: Entry, lease: BlobLease)? {
        let entry = state.withLock { state -> Entry? in
            guard state.entries[digest] != nil else { return nil }
            state.entries[digest]?.usedAt = time
            state.leases[digest, default: 0] += 1
            return state.entries[digest]
        }
        guard let entry else { return nil }
        return (entry, BlobLease { [self] in release(digest) })
    }

    /// Keeps a blob, once it is here, from being evicted until the lease has gone.
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

    /// Removes a blob unless it is on lease.
    /// - Returns: false if it is.
    package func removeUnused(_ digest: SHA256Digest) -> Bool {
        state.withLock { state in
            guard state.leases[digest] == nil else { return false }
            Self.remove(digest, &state)
            return true
        }
    }

    package func entry(of digest: SHA256Digest) -> Entry? { state.withLock { $0.entries[digest] } }

    package func digest(ofSwarm hash: SHA1Digest) -> SHA256Digest? { state.withLock { $0.digests[hash] } }

    /// Notes that a blob was used.
    package func touch(_ digest: SHA256Digest, at time: Double) { state.withLock { $0.entries[digest]?.usedAt = time } }

    package var figures: (blobs: Int, bytes: Int64) { state.withLock { ($0.entries.count, $0.bytes) } }

    /// All blobs, those that were not used for longest first.
    package var leastRecentlyUsed: [(digest: SHA256Digest, entry: Entry)] {
        state.withLock { $0.entries.map { ($0.key, $0.value) } }
            .sorted { ($0.entry.usedAt, $0.digest) < ($1.entry.usedAt, $1.digest) }
    }
}

/// Somebody's use of a blob: while there is one, the blob is not evicted.
package final class BlobLease: Sendable {
    private let release: @Sendable () -> Void

    fileprivate init(release: @escaping @Sendable () -> Void) { self.release = release }
    deinit { release() }
}

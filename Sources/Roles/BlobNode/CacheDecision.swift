import Hashing

/// What a cache may take of a disk.
package struct CacheLimits: Sendable, Hashable {
    /// Bytes of all that is cached, and of what is being fetched.
    package var most: Int64
    /// Bytes of the disk that are left to others.
    package var keepFree: Int64
    /// Seconds after its last use when a blob goes, whether there is room or not.
    package var unusedFor: Double

    package init(most: Int64, keepFree: Int64, unusedFor: Double) {
        self.most = most
        self.keepFree = keepFree
        self.unusedFor = unusedFor
    }
}

/// Something that can leave a cache.
package enum CacheItem: Sendable, Hashable {
    case blob(SHA256Digest)
    /// What has come of a blob whose fetch has ended early.
    case partial(SHA256Digest)
}

package struct CacheEntry: Sendable, Hashable {
    package let item: CacheItem
    /// Bytes.
    package let size: Int64
    /// Seconds since 1970.
    package let usedAt: Double

    package init(_ item: CacheItem, size: Int64, usedAt: Double) {
        self.item = item
        self.size = size
        self.usedAt = usedAt
    }
}

/// What leaves a cache, so that what is being fetched has room. Pure.
package struct CacheDecision: Sendable, Hashable {
    /// In the order in which they go.
    package private(set) var evicted: [CacheItem] = []
    /// Whether there is room for everything then.
    package private(set) var isEnough: Bool

    /// - Parameters:
    ///   - entries: all that is cached, in any order.
    ///   - promised: bytes of all blobs that are being fetched.
    ///   - outstanding: bytes of them that are not on the disk yet.
    ///   - free: bytes that can still be written to the disk.
    ///   - isInUse: whether something must stay.
    package init(
        _ entries: [CacheEntry], promised: Int64, outstanding: Int64, free: Int64, limits: CacheLimits, now: Double,
        isInUse: (CacheItem) -> Bool
    ) {
        var held = entries.reduce(promised) { Self.sum($0, $1.size) }
        var free = free
        func fits() -> Bool { held <= limits.most && free >= Self.sum(limits.keepFree, outstanding) }
        let oldestFirst = entries.sorted { ($0.usedAt, $0.size) < ($1.usedAt, $1.size) }
        for entry in oldestFirst {
            let isOld = now - entry.usedAt > limits.unusedFor
            if !isOld, fits() { break }
            // What has no bytes makes no room.
            guard isOld || entry.size > 0, !isInUse(entry.item) else { continue }
            evicted.append(entry.item)
            held -= entry.size
            free = Self.sum(free, entry.size)
        }
        isEnough = fits()
    }

    private static func sum(_ first: Int64, _ second: Int64) -> Int64 {
        let (sum, overflow) = first.addingReportingOverflow(second)
        return overflow ? .max : sum
    }
}

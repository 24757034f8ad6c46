import Hashing

/// The limits of a cache on its disk.
package struct CacheLimits: Sendable, Hashable {
    /// The most bytes of cached blobs and of blobs that are being fetched, together.
    package var most: Int64
    /// Bytes to keep free on the disk.
    package var keepFree: Int64
    /// Seconds since its last use after which a blob is evicted, even if there is room.
    package var unusedFor: Double
    /// Seconds since it was stored after which a blob is evicted, used or not, even if there is room.
    package var keptFor: Double

    package init(most: Int64, keepFree: Int64, unusedFor: Double, keptFor: Double = .infinity) {
        self.most = most
        self.keepFree = keepFree
        self.unusedFor = unusedFor
        self.keptFor = keptFor
    }
}

/// Something that can be evicted from a cache.
package enum CacheItem: Sendable, Hashable {
    case blob(SHA256Digest)
    /// The bytes of a blob whose fetch ended early.
    case partial(SHA256Digest)
}

package struct CacheEntry: Sendable, Hashable {
    package let item: CacheItem
    /// Bytes on the disk.
    package let size: Int64
    /// Seconds since 1970.
    package let usedAt: Double
    /// When it was stored, in seconds since 1970; nil where that does not matter.
    package let storedAt: Double?

    package init(_ item: CacheItem, size: Int64, usedAt: Double, storedAt: Double? = nil) {
        self.item = item
        self.size = size
        self.usedAt = usedAt
        self.storedAt = storedAt
    }
}

/// Which items are evicted from a cache, so that blobs that are being fetched have room. Pure.
package struct CacheDecision: Sendable, Hashable {
    /// The evicted items, least recently used first.
    package private(set) var evicted: [CacheItem] = []
    /// Whether there is enough room after the evictions.
    package private(set) var isEnough: Bool

    /// - Parameters:
    ///   - entries: all items of the cache, in any order.
    ///   - promised: the full sizes of all blobs that are being fetched, in bytes.
    ///   - outstanding: how many of these bytes are not on the disk yet.
    ///   - free: free bytes of the disk.
    ///   - now: seconds since 1970.
    ///   - isInUse: whether an item must stay.
    package init(
        _ entries: [CacheEntry], promised: Int64, outstanding: Int64, free: Int64, limits: CacheLimits, now: Double,
        isInUse: (CacheItem) -> Bool
    ) {
        var held = entries.reduce(promised) { Self.sum($0, $1.size) }
        var free = free
        func fits() -> Bool { held <= limits.most && free >= Self.sum(limits.keepFree, outstanding) }
        let oldestFirst = entries.sorted { ($0.usedAt, $0.size) < ($1.usedAt, $1.size) }
        // Nothing goes for blobs that could not have room even then: only for the limits themselves.
        var (needed, lacking) = (promised, outstanding)
        if !fits() {
            let most = entries.reduce(Int64(0)) { isInUse($1.item) ? $0 : Self.sum($0, $1.size) }
            let isPossible =
                held - min(held, most) <= limits.most
                && Self.sum(free, most) >= Self.sum(limits.keepFree, outstanding)
            if !isPossible { (needed, lacking) = (0, 0) }
        }
        func fitsWell() -> Bool {
            held - min(held, promised) + needed <= limits.most && free >= Self.sum(limits.keepFree, lacking)
        }
        for entry in oldestFirst {
            let isOld =
                now - entry.usedAt > limits.unusedFor || entry.storedAt.map { now - $0 > limits.keptFor } ?? false
            if !isOld, fitsWell() { continue }
            // Evicting an item without bytes makes no room.
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

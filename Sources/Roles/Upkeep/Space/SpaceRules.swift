import Glibc

/// How full a disk is.
package struct DiskUse: Sendable, Hashable {
    /// Bytes that this process could use if the disk were empty.
    package let capacity: Int64
    /// Bytes that can still be written.
    package let free: Int64

    package init(capacity: Int64, free: Int64) {
        self.capacity = capacity
        self.free = free
    }

    /// The share of the capacity that is used, 0 to 1.
    package var share: Double { capacity > 0 ? min(1, max(0, 1 - Double(free) / Double(capacity))) : 0 }

    /// The use of the disk that a path is on, counted as `df` does; nil when `statvfs` fails. Blocks briefly.
    package static func measured(at path: String) -> DiskUse? {
        var answer = statvfs()
        guard statvfs(path, &answer) == 0 else { return nil }
        func bytes(_ blocks: UInt64) -> Int64 {
            let (bytes, overflow) = blocks.multipliedReportingOverflow(by: UInt64(answer.f_frsize))
            return overflow ? .max : Int64(clamping: bytes)
        }
        let (all, unused) = (UInt64(answer.f_blocks), UInt64(answer.f_bfree))
        let free = bytes(UInt64(answer.f_bavail))
        let used = bytes(all >= unused ? all - unused : 0)
        let (capacity, overflow) = used.addingReportingOverflow(free)
        return DiskUse(capacity: overflow ? .max : capacity, free: free)
    }
}

/// When blobs are removed from an origin's disk. Most values are named as in Kraken's `cache_cleanup`.
package struct SpaceRules: Sendable, Hashable {
    /// Shares of the disk, 0 to 1. When more than the first is used, blobs are removed until no more than the second is.
    package var aggressiveThreshold = 0.85
    package var aggressiveLowerThreshold = 0.75
    /// The used share of the disk, 0 to 1, from which on pushes are refused.
    package var full = 0.97
    /// Seconds since its last use after which a blob is removed, even if there is room; nil for never.
    package var tti: Double?
    /// Seconds since it was stored on this host after which a blob is removed; nil for never.
    package var ttl: Double?

    package init() {}

    /// Bytes to remove; 0 while there is enough room.
    package func excess(_ use: DiskUse) -> Int64 {
        guard use.share > aggressiveThreshold else { return 0 }
        let wanted = Double(use.capacity) * (1 - min(aggressiveLowerThreshold, aggressiveThreshold))
        return max(1, Int64(wanted.rounded(.up)) - use.free)
    }

    package func refuses(_ use: DiskUse) -> Bool { use.share >= full }

    /// Whether what is brought here now is soon removed again.
    package func isFilling(_ use: DiskUse) -> Bool { use.share > aggressiveThreshold }
}

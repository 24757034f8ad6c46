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

    /// 0 to 1.
    package var share: Double { capacity > 0 ? min(1, max(0, 1 - Double(free) / Double(capacity))) : 0 }

    /// Of the disk that a path is on, as `df` counts; nil when the system does not tell. Blocks, for a moment.
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

/// When blobs make room. Kraken's keys of `cache_cleanup` have the same names.
package struct SpaceRules: Sendable, Hashable {
    /// Shares of the disk: above the first, blobs go until no more than the second is used.
    package var aggressiveThreshold = 0.85
    package var aggressiveLowerThreshold = 0.75
    /// The share from which on nothing is taken in.
    package var full = 0.97
    /// Seconds after its last use when a blob goes, whether there is room or not; nil for never.
    package var tti: Double?
    /// Seconds after it came here when a blob goes; nil for never.
    package var ttl: Double?

    package init() {}

    /// Bytes that are to go; 0 while there is enough room.
    package func excess(_ use: DiskUse) -> Int64 {
        guard use.share > aggressiveThreshold else { return 0 }
        let wanted = Double(use.capacity) * (1 - min(aggressiveLowerThreshold, aggressiveThreshold))
        return max(1, Int64(wanted.rounded(.up)) - use.free)
    }

    package func refuses(_ use: DiskUse) -> Bool { use.share >= full }
}

import Glibc

/// Limits of a cache as people give them: as a share of the disk or in bytes.
package struct CacheBounds: Sendable, Hashable {
    package enum Size: Sendable, Hashable {
        /// 0 to 1, of the disk.
        case share(Double)
        case bytes(Int64)

        func bytes(of capacity: Int64) -> Int64 {
            switch self {
            case .bytes(let bytes): bytes
            case .share(let share): Int64(Double(capacity) * min(1, max(0, share)))
            }
        }
    }

    package var most = Size.share(0.5)
    package var keepFree = Size.share(0.1)
    /// Seconds.
    package var unusedFor = 7 * 86_400.0

    package init() {}

    /// The limits on the disk that a path is on, and what is free there; nil when the system does not tell. Blocks.
    func measured(at path: String) -> (limits: CacheLimits, free: Int64)? {
        var answer = statvfs()
        guard statvfs(path, &answer) == 0 else { return nil }
        func bytes(_ blocks: UInt64) -> Int64 {
            let (bytes, overflow) = blocks.multipliedReportingOverflow(by: UInt64(answer.f_frsize))
            return overflow ? .max : Int64(clamping: bytes)
        }
        let capacity = bytes(UInt64(answer.f_blocks))
        let limits = CacheLimits(
            most: most.bytes(of: capacity), keepFree: keepFree.bytes(of: capacity), unusedFor: unusedFor)
        return (limits, bytes(UInt64(answer.f_bavail)))
    }
}

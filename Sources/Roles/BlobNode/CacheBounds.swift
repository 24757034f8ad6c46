import Glibc

/// The limits of a cache as they are configured: bytes, or a share of the disk.
package struct CacheBounds: Sendable, Hashable {
    package enum Size: Sendable, Hashable {
        /// A share of the disk's capacity, 0 to 1.
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
    /// Seconds since its last use after which a blob is evicted.
    package var unusedFor = 7 * 86_400.0
    /// Seconds since it was stored after which a blob is evicted, used or not.
    package var keptFor = Double.infinity

    package init() {}

    /// The limits in bytes for the disk that a path is on, and the free bytes there; nil when `statvfs` fails. Blocks.
    func measured(at path: String) -> (limits: CacheLimits, free: Int64)? {
        var answer = statvfs()
        guard statvfs(path, &answer) == 0 else { return nil }
        func bytes(_ blocks: UInt64) -> Int64 {
            let (bytes, overflow) = blocks.multipliedReportingOverflow(by: UInt64(answer.f_frsize))
            return overflow ? .max : Int64(clamping: bytes)
        }
        let capacity = bytes(UInt64(answer.f_blocks))
        let limits = CacheLimits(
            most: most.bytes(of: capacity), keepFree: keepFree.bytes(of: capacity), unusedFor: unusedFor,
            keptFor: keptFor)
        return (limits, bytes(UInt64(answer.f_bavail)))
    }
}

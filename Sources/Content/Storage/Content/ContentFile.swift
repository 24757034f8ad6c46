import Files
import Glibc
import Synchronization

/// A file of the content that is kept open for reading or writing.
final class ContentFile: Sendable {
    let held: HeldFile
    let isWritable: Bool
    /// Time at which the file was last compared with its recorded metadata, in milliseconds of the coarse monotonic
    /// clock.
    private let lookedAt = Atomic<Int64>(.min)

    init(_ held: HeldFile, isWritable: Bool = false) {
        self.held = held
        self.isWritable = isWritable
    }

    var descriptor: Descriptor { held.descriptor }

    /// Whether the last comparison is longer ago than `interval` seconds; if so, this call counts as the next one.
    func isLookDue(interval: Double) -> Bool {
        var time = timespec()
        // The coarse clock takes only a few nanoseconds, which matters because this is called for each block that is
        // sent.
        clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        let now = Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec / 1_000_000)
        let last = lookedAt.load(ordering: .relaxed)
        guard last == .min || Double(now &- last) >= interval * 1000 else { return false }
        lookedAt.store(now, ordering: .relaxed)
        return true
    }
}

import Files
import Glibc
import Synchronization

/// A descriptor that is closed when the last reference is released. Holding a reference keeps it usable for `sendfile`,
/// whatever the cache does.
package final class OpenFile: Sendable {
    /// Must not be closed by others, nor used after this object is released.
    package let descriptor: Descriptor
    let layer: any FileLayer
    let isWritable: Bool
    /// Time at which the file was last compared with its recorded metadata, in milliseconds of the coarse monotonic
    /// clock.
    private let lookedAt = Atomic<Int64>(.min)

    init(_ descriptor: Descriptor, layer: any FileLayer, isWritable: Bool = false) {
        self.descriptor = descriptor
        self.layer = layer
        self.isWritable = isWritable
    }

    deinit { layer.close(descriptor) }

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

/// The most recently used descriptors of one content. A value: its owner guards it.
struct DescriptorCache {
    private struct Entry {
        let file: OpenFile
        var used: UInt64
    }

    private var entries: [Int: Entry] = [:]
    private var clock: UInt64 = 0
    private let capacity: Int

    init(capacity: Int) { self.capacity = max(1, capacity) }

    var count: Int { entries.count }

    mutating func get(_ key: Int) -> OpenFile? {
        clock &+= 1
        entries[key]?.used = clock
        return entries[key]?.file
    }

    /// Returns the evicted file, so that it can be closed without holding the owner's lock.
    mutating func insert(_ file: OpenFile, for key: Int) -> OpenFile? {
        clock &+= 1
        if let old = entries.updateValue(Entry(file: file, used: clock), forKey: key) { return old.file }
        guard entries.count > capacity, let oldest = entries.min(by: { $0.value.used < $1.value.used }) else {
            return nil
        }
        return entries.removeValue(forKey: oldest.key)?.file
    }

    mutating func remove(_ key: Int) -> OpenFile? { entries.removeValue(forKey: key)?.file }

    /// Empties the cache and returns its contents.
    mutating func removeAll() -> [OpenFile] {
        defer { entries.removeAll() }
        return entries.values.map(\.file)
    }
}

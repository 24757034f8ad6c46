/// The most recently used files or directories of one content. A value: its owner guards it.
struct DescriptorCache<File: Sendable>: Sendable {
    private struct Entry {
        let file: File
        var used: UInt64
    }

    private var entries: [Int: Entry] = [:]
    private var clock: UInt64 = 0
    private let capacity: Int

    init(capacity: Int) { self.capacity = max(1, capacity) }

    var count: Int { entries.count }

    mutating func get(_ key: Int) -> File? {
        clock &+= 1
        entries[key]?.used = clock
        return entries[key]?.file
    }

    /// Returns the evicted file, so that it can be closed without holding the owner's lock.
    mutating func insert(_ file: File, for key: Int) -> File? {
        clock &+= 1
        if let old = entries.updateValue(Entry(file: file, used: clock), forKey: key) { return old.file }
        guard entries.count > capacity, let oldest = entries.min(by: { $0.value.used < $1.value.used }) else {
            return nil
        }
        return entries.removeValue(forKey: oldest.key)?.file
    }

    mutating func remove(_ key: Int) -> File? { entries.removeValue(forKey: key)?.file }

    /// Empties the cache and returns its contents.
    mutating func removeAll() -> [File] {
        defer { entries.removeAll() }
        return entries.values.map(\.file)
    }
}

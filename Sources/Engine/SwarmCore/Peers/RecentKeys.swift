/// A bounded dictionary for keys from outside. When it is full, a new key evicts the key that was written longest ago.
/// Every operation takes (amortised) constant time.
public struct RecentKeys<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry: Sendable {
        var value: Value
        /// Serial number of the key's latest write.
        var serial: UInt64
    }

    public let capacity: Int
    private var entries: [Key: Entry] = [:]
    /// All writes, the oldest first; those before `head` are done. Only the last write of a key counts.
    private var writings: [(key: Key, serial: UInt64)] = []
    private var head = 0
    private var serial: UInt64 = 0

    /// - Parameter capacity: maximum number of keys, at least 1.
    public init(capacity: Int) { self.capacity = max(1, capacity) }

    public var count: Int { entries.count }
    public var isEmpty: Bool { entries.isEmpty }
    /// In no particular order.
    public var keys: [Key] { Array(entries.keys) }

    public func contains(_ key: Key) -> Bool { entries[key] != nil }

    /// Setting nil removes the key.
    public subscript(key: Key) -> Value? {
        get { entries[key]?.value }
        set {
            guard let newValue else {
                entries[key] = nil
                return
            }
            _ = insert(newValue, for: key)
        }
    }

    /// - Returns: the key that was evicted.
    @discardableResult
    public mutating func insert(_ value: Value, for key: Key) -> Key? {
        serial &+= 1
        let isNew = entries.updateValue(Entry(value: value, serial: serial), forKey: key) == nil
        writings.append((key, serial))
        defer { compact() }
        return isNew && entries.count > capacity ? removeOldest() : nil
    }

    /// - Returns: the removed key, which was written longest ago.
    @discardableResult
    public mutating func removeOldest() -> Key? {
        while head < writings.count {
            let (key, serial) = writings[head]
            head += 1
            guard entries[key]?.serial == serial else { continue }
            entries[key] = nil
            return key
        }
        return nil
    }

    /// Removes outdated writes when they outnumber current ones.
    private mutating func compact() {
        guard writings.count > 2 * max(entries.count, 16) else { return }
        writings = writings[head...].filter { entries[$0.key]?.serial == $0.serial }
        head = 0
    }
}

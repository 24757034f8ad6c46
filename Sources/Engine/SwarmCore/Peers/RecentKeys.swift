/// A dictionary for what strangers' data is the key of: it holds so many keys at most, and the one that was written
/// longest ago makes room for a new one. Every step takes the same time.
public struct RecentKeys<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry: Sendable {
        var value: Value
        /// The latest writing of the key.
        var serial: UInt64
    }

    public let capacity: Int
    private var entries: [Key: Entry] = [:]
    /// Writings, the oldest first, those before `head` done with. Of a key that was written again only the last counts.
    private var writings: [(key: Key, serial: UInt64)] = []
    private var head = 0
    private var serial: UInt64 = 0

    /// - Parameter capacity: at least 1.
    public init(capacity: Int) { self.capacity = max(1, capacity) }

    public var count: Int { entries.count }
    public var isEmpty: Bool { entries.isEmpty }
    /// In no order.
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

    /// - Returns: the key that made room for this one.
    @discardableResult
    public mutating func insert(_ value: Value, for key: Key) -> Key? {
        serial &+= 1
        let isNew = entries.updateValue(Entry(value: value, serial: serial), forKey: key) == nil
        writings.append((key, serial))
        defer { compact() }
        return isNew && entries.count > capacity ? removeOldest() : nil
    }

    /// - Returns: the key that was written longest ago, now gone.
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

    /// Forgets writings that no longer count, as soon as they are more than those that do.
    private mutating func compact() {
        guard writings.count > 2 * max(entries.count, 16) else { return }
        writings = writings[head...].filter { entries[$0.key]?.serial == $0.serial }
        head = 0
    }
}

/// A table that forgets: what was not written for a period is gone after two, and sooner if more is written than fits. Every call
/// takes a short, bounded time, except that a period's end frees what is old. Pure; times are seconds.
struct FadingTable<Key: Hashable, Value> {
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]
    private var turnsAt: UInt64 = 0
    private let period: UInt64
    private let most: Int

    /// - Parameter most: entries of one period.
    init(period: UInt64, most: Int) {
        self.period = period
        self.most = most
    }

    var isEmpty: Bool { young.isEmpty && old.isEmpty }

    subscript(_ key: Key) -> Value? { young[key] ?? old[key] }

    mutating func set(_ value: Value, for key: Key, now: UInt64) {
        if now >= turnsAt || (young.count >= most && young[key] == nil) {
            // Both are old when nothing was written for long.
            old = now >= turnsAt &+ period ? [:] : young
            young = [:]
            turnsAt = now &+ period
        }
        young[key] = value
    }

    mutating func remove(_ key: Key) {
        young[key] = nil
        old[key] = nil
    }
}

/// How many looks at peers what peers send may cause between two ticks.
///
/// Some messages of a few bytes call for a look at all peers: somebody becomes interested, or chokes us. One that comes
/// now and then is acted on at once. In a flood the rest waits for the next tick, which looks at everything anyway.
struct LookBudget: Sendable {
    /// Some milliseconds of a processor. An honest swarm does not come near it.
    private static let most = 1 << 19

    private var left = Self.most

    /// - Parameter looks: about how many peers, or pieces, are looked at.
    /// - Returns: false to leave it for the next tick.
    mutating func spend(_ looks: Int) -> Bool {
        guard left > 0 else { return false }
        left -= looks + 1
        return true
    }

    mutating func refill() { left = Self.most }
}

/// Slots of the choker that are free, counted once between two ticks and followed from then on: an interested peer gets
/// one at once without a look at all peers.
struct FreeSlots: Sendable {
    /// nil until somebody asks after a tick.
    private(set) var count: Int?

    mutating func counted(_ count: Int) { self.count = count }
    mutating func forget() { count = nil }
    /// A peer took one, or gave one back (less than 0).
    mutating func taken(_ slots: Int) { if let count { self.count = count - slots } }
}

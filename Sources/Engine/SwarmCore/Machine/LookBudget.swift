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

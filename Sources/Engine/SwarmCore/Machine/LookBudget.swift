/// Limits how many peers may be examined between two ticks because of received messages.
///
/// Some messages of a few bytes, such as interested or choke, require examining all peers. An occasional one is handled
/// at once. In a flood, the rest waits for the next tick, which examines everything anyway.
struct LookBudget: Sendable {
    /// A few milliseconds of processor time. An honest swarm stays far below it.
    private static let most = 1 << 19

    private var left = Self.most

    /// - Parameter looks: approximate number of peers or pieces to examine.
    /// - Returns: false if the work should wait for the next tick.
    mutating func spend(_ looks: Int) -> Bool {
        guard left > 0 else { return false }
        left -= looks + 1
        return true
    }

    mutating func refill() { left = Self.most }
}

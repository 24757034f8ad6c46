/// Whether agents get from each other at least half as much as this host can send.
///
/// A host that only wants to save copies leaves second ones to the agents. Where these get less from each other, because
/// they cannot reach each other or are few, that would only make them wait.
///
/// A pure value. Bytes and seconds.
package struct MutualSupply: Sendable {
    private enum Constant {
        /// Seconds over which rates are measured.
        static let period = 1.0
        /// Factor by which the best rate fades in each period, because links change.
        static let memory = 0.98
        /// The part of this host's rate that is enough: its copies are to be saved, and the last agents of many get less.
        static let enough = 0.5
    }

    private var sentBytes = 0.0
    private var gainedBytes = 0.0
    private var since: Double
    /// The rate of this host at its best.
    private var best = 0.0
    /// Whether the agents got less from each other in the last period than half of what this host could have sent.
    package private(set) var isScarce = false

    package init(now: Double) { since = now }

    /// This host has sent bytes to an agent.
    package mutating func sent(_ bytes: Int) { sentBytes += Double(bytes) }

    /// An agent has bytes that it did not get from this host.
    package mutating func gained(_ bytes: Int64) { gainedBytes += Double(bytes) }

    /// Call a few times a second.
    package mutating func look(now: Double) {
        let elapsed = now - since
        guard elapsed >= Constant.period else { return }
        best = max(best * Constant.memory, sentBytes / elapsed)
        isScarce = gainedBytes / elapsed < best * Constant.enough
        (sentBytes, gainedBytes, since) = (0, 0, now)
    }
}

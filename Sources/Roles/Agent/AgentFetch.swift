import Glibc

/// The fetch of one blob through this host's agent, which may end meanwhile and be started again. Decides when the agent is given
/// up, and counts each byte once. Pure: the caller passes the time, in seconds of one clock.
package struct AgentFetch: Sendable {
    private let size: Int64
    /// Seconds without a further byte after which the fetch fails, however often the agent is asked; nil for no limit.
    private let patience: Double?
    private var grownAt: Double
    /// Most bytes of the blob that the agent has had so far. All of them have been counted.
    private var most: Int64 = 0
    private var mostAtLoss: Int64 = 0
    /// Losses in a row without a further byte.
    private var idleLosses = 0
    private var wasLost = false
    /// Whether the agent has said that it does not have all of the blob.
    private var wasIncomplete = false

    /// The agent is given up at this number of losses in a row without a further byte.
    private static let enoughLosses = 3

    package init(size: Int64, patience: Double?, now: Double) {
        (self.size, self.patience, grownAt) = (size, patience, now)
    }

    /// The agent has answered. It may have had no place for the first question for long, which does not count.
    package mutating func began(now: Double) { if !wasLost { grownAt = now } }

    /// The agent does not have all of the blob yet.
    /// - Returns: the number of bytes that it has received since the last count.
    package mutating func progressed(to done: Int64, now: Double) -> Int {
        wasIncomplete = true
        let count = grow(to: done)
        if count > 0 { grownAt = now }
        return count
    }

    /// The agent has the blob.
    /// - Parameter wasCached: whether it had the blob when it was asked last.
    /// - Returns: the number of bytes that it has received since the last count; nil if it received none for this fetch.
    package mutating func finished(wasCached: Bool) -> Int? {
        // What came for an earlier question is in the cache when the agent is asked again.
        wasCached && !wasIncomplete ? nil : grow(to: size)
    }

    private mutating func grow(to done: Int64) -> Int {
        let now = min(done, size)
        defer { most = max(most, now) }
        return Int(clamping: max(0, now - most))
    }

    /// Whether no further byte has come for too long.
    package func isOverdue(now: Double) -> Bool { patience.map { now - grownAt > $0 } ?? false }

    /// When to end a wait for the agent.
    /// - Parameter seconds: most seconds from now on.
    package func end(ofWait seconds: Double, now: Double) -> Double {
        min(now + seconds, patience.map { grownAt + $0 } ?? .infinity)
    }

    /// Whether an error of the connection means that an agent was there and has gone.
    /// - Parameter hasBegun: whether the agent has answered on this connection.
    package func isLoss(_ number: Int32, hasBegun: Bool) -> Bool {
        hasBegun ? number == ECONNRESET || number == EPIPE : wasLost && number == ECONNREFUSED
    }

    /// The agent has gone.
    /// - Returns: whether to ask it again when it is back.
    package mutating func lost() -> Bool {
        idleLosses = most > mostAtLoss ? 0 : idleLosses + 1
        (mostAtLoss, wasLost) = (most, true)
        return idleLosses < Self.enoughLosses
    }
}

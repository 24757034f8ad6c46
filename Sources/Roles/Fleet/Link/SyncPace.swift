/// How often agents ask control: every 10 seconds, and less often when they are many, so that they do not ask more than 1,000
/// times a second together.
package struct SyncPace: Sendable, Hashable {
    /// Seconds.
    package let shortest: Double
    /// Requests a second that all agents may send together.
    package let mostRequests: Double
    /// An agent is away after so many intervals without a word.
    package static let missed = 3.0

    package init(shortest: Double = 10, mostRequests: Double = 1000) {
        self.shortest = shortest
        self.mostRequests = mostRequests
    }

    /// Seconds between two requests of an agent.
    package func interval(agents: Int) -> Double { max(shortest, Double(agents) / mostRequests) }

    /// Seconds after its last word when an agent counts as away.
    package func awayAfter(agents: Int) -> Double { interval(agents: agents) * Self.missed }
}

/// When an agent that lost its control tries another: at the next one after 5 s without an answer, then with full jitter
/// between 1 and 60 s, so that a thousand agents do not come back in one instant.
package struct Reconnection: Sendable, Hashable {
    package static let patience = 5.0
    private static let longest = 60.0

    private var failures = 0

    package init() {}

    package mutating func succeeded() { failures = 0 }

    /// Seconds to wait after one more failure.
    /// - Parameter random: from 0 up to 1.
    package mutating func failed(random: Double) -> Double {
        failures = min(failures + 1, 16)
        let most = min(Self.longest, Double(1 << failures))
        return 1 + random * (most - 1)
    }
}

/// How often agents contact control: every 10 seconds, and less often in a large fleet, so that there are at most 1,000
/// requests a second in total.
package struct SyncPace: Sendable, Hashable {
    /// Minimum seconds between two requests of an agent.
    package let shortest: Double
    /// Maximum requests a second of all agents together.
    package let mostRequests: Double
    /// An agent counts as away after this many intervals without a request.
    package static let missed = 3.0

    package init(shortest: Double = 10, mostRequests: Double = 1000) {
        self.shortest = shortest
        self.mostRequests = mostRequests
    }

    /// Seconds between two requests of an agent.
    package func interval(agents: Int) -> Double { max(shortest, Double(agents) / mostRequests) }

    /// Seconds since an agent's last request after which it counts as away.
    package func awayAfter(agents: Int) -> Double { interval(agents: agents) * Self.missed }
}

/// When an agent that gets no answer from its control tries another one: after 5 s without an answer, and then after a
/// random time with exponential backoff, from 1 up to 60 s, so that a thousand agents do not reconnect at once. Where there is no
/// other control, it waits longer before it comes again: a control that is slow for all of its agents would only be slower if each
/// of them began with a new connection.
package struct Reconnection: Sendable, Hashable {
    /// Seconds to wait for an answer of one among so many controls.
    package static func patience(controls: Int) -> Double { controls > 1 ? 5 : 20 }
    private static let longest = 60.0

    private var failures = 0

    package init() {}

    package mutating func succeeded() { failures = 0 }

    /// Seconds to wait after another failure.
    /// - Parameter random: from 0 up to 1.
    package mutating func failed(random: Double) -> Double {
        failures = min(failures + 1, 16)
        let most = min(Self.longest, Double(1 << failures))
        return 1 + random * (most - 1)
    }
}

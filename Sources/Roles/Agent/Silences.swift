import Text

/// Which of several servers are asked first: one that did not answer lately comes last, until it is known to answer again. So its
/// time-out is waited for once, and not in each request. Pure; times are seconds of a monotonic clock.
package struct Silences: Sendable, Hashable {
    private struct Silence: Sendable, Hashable {
        var failures: Int
        /// When it is to be tried again, beside the requests.
        var tryAt: Double
    }

    private var silences: [HTTPURL: Silence] = [:]

    package init() {}

    /// Servers that are remembered at a time.
    private static let most = 4_096
    /// Seconds before the first try; doubles with each failure.
    private static let pauses = (first: 2.0, longest: 60.0)

    /// Those that answer, in their order; the silent ones after them.
    package func order(_ servers: [HTTPURL]) -> [HTTPURL] {
        if silences.isEmpty { return servers }
        return servers.filter { silences[$0] == nil } + servers.filter { silences[$0] != nil }
    }

    package func isSilent(_ server: HTTPURL) -> Bool { silences[server] != nil }

    package mutating func answered(_ server: HTTPURL) { silences[server] = nil }

    package mutating func failed(_ server: HTTPURL, now: Double) {
        if silences[server] == nil, silences.count >= Self.most { silences = [:] }
        let failures = min((silences[server]?.failures ?? 0) + 1, 30)
        var pause = Self.pauses.first
        for _ in 1..<failures where pause < Self.pauses.longest { pause *= 2 }
        silences[server] = Silence(failures: failures, tryAt: now + min(pause, Self.pauses.longest))
    }

    /// Of these servers, the silent ones whose turn to be tried it is. They are not named again before they failed or answered, or
    /// for so long as the longest pause.
    package mutating func due(_ servers: [HTTPURL], now: Double) -> [HTTPURL] {
        let due = servers.filter { silences[$0].map { $0.tryAt <= now } ?? false }
        for server in due { silences[server]?.tryAt = now + Self.pauses.longest }
        return due
    }
}

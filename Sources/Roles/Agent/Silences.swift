import Text

/// Orders servers so that those which did not answer lately come last, until they answer again. So only one request
/// waits for such a server's time-out, and not each one. Pure; times are seconds of a monotonic clock.
package struct Silences: Sendable, Hashable {
    private struct Silence: Sendable, Hashable {
        var failures: Int
        /// Time of the next probe, which is sent in addition to requests.
        var tryAt: Double
    }

    private var silences: [HTTPURL: Silence] = [:]

    package init() {}

    /// Most servers remembered.
    private static let most = 4_096
    /// Seconds before the first probe. Doubles with each failure.
    private static let pauses = (first: 2.0, longest: 60.0)

    /// The servers that answer, in their order, and after them the silent ones.
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

    /// The silent servers among these that are due for a probe. A server is not returned again before it has failed or
    /// answered, or the longest pause is over.
    package mutating func due(_ servers: [HTTPURL], now: Double) -> [HTTPURL] {
        let due = servers.filter { silences[$0].map { $0.tryAt <= now } ?? false }
        for server in due { silences[server]?.tryAt = now + Self.pauses.longest }
        return due
    }
}

/// When a target will have everything, and whether that is in time.
package struct Arrival: Sendable, Hashable {
    package enum Verdict: String, Sendable, Hashable {
        case inTime = "in time"
        case atRisk = "at risk"
        case late
        /// There is no deadline, or nothing is known yet.
        case unknown
    }

    /// Seconds since 1970; nil where nothing came in the last minute and nothing is known.
    package let expected: Double?
    package let verdict: Verdict

    /// When the rate of the best case brings it later than this share of the time left, it is at risk.
    static let margin = 1.15

    /// - Parameters:
    ///   - remaining: bytes.
    ///   - rate: bytes a second over the last minute, while transfers are allowed.
    ///   - bound: bytes a second that the target could have at best: the least of its limit and its site's.
    ///   - closed: times to come in which no window is open, in seconds since 1970, a part for each pause.
    ///   - deadline: seconds since 1970.
    package init(
        remaining: Int64, rate: Double, bound: Double?, closed: [Range<Double>], deadline: Double?, at now: Double
    ) {
        let arrival = rate > 0 ? Self.end(of: Double(remaining) / rate, from: now, closed: closed) : nil
        expected = remaining == 0 ? now : arrival
        guard let deadline else {
            verdict = .unknown
            return
        }
        if remaining == 0 {
            verdict = now <= deadline ? .inTime : .late
        } else if let arrival, arrival > deadline {
            verdict = .late
        } else if let bound, bound > 0,
            Self.end(of: Self.margin * Double(remaining) / bound, from: now, closed: closed) > deadline
        {
            verdict = .atRisk
        } else {
            verdict = arrival == nil ? (now > deadline ? .late : .unknown) : .inTime
        }
    }

    /// The instant at which so many seconds of open time have passed.
    private static func end(of seconds: Double, from now: Double, closed: [Range<Double>]) -> Double {
        var instant = now + seconds
        for pause in closed.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            guard pause.lowerBound < instant else { break }
            instant += max(0, pause.upperBound - max(pause.lowerBound, now))
        }
        return instant
    }
}

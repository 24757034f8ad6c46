/// The expected end of a target's transfer, and whether that is before the deadline.
package struct Arrival: Sendable, Hashable {
    package enum Verdict: String, Sendable, Hashable {
        case inTime = "in time"
        case atRisk = "at risk"
        case late
        /// There is no deadline, or the transfer rate is not known yet.
        case unknown
    }

    /// Seconds since 1970; nil if nothing was received in the last minute.
    package let expected: Double?
    package let verdict: Verdict

    /// The target is at risk if it would miss the deadline at its best possible rate with this factor more data.
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

    /// The time at which this many seconds outside the closed periods have passed.
    private static func end(of seconds: Double, from now: Double, closed: [Range<Double>]) -> Double {
        var instant = now + seconds
        for pause in closed.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            guard pause.lowerBound < instant else { break }
            instant += max(0, pause.upperBound - max(pause.lowerBound, now))
        }
        return instant
    }
}

/// How local time follows from an instant at one place: all that windows and printed times need.
package protocol WallClock: Sendable {
    /// Seconds that local time is ahead of UTC at `instant`.
    func utcOffset(at instant: Instant) -> Int
    /// The zone's short name at `instant`, such as `CST`.
    func zoneName(at instant: Instant) -> String
}

/// A place that never changes its clocks.
package struct FixedOffsetClock: WallClock {
    package let offset: Int
    package let name: String

    /// - Parameter offset: seconds ahead of UTC.
    package init(offset: Int, name: String) {
        self.offset = offset
        self.name = name
    }

    package static let utc = FixedOffsetClock(offset: 0, name: "UTC")

    package func utcOffset(at instant: Instant) -> Int { offset }
    package func zoneName(at instant: Instant) -> String { name }
}

extension WallClock {
    /// Local date and time at `instant`, whole seconds.
    package func local(_ instant: Instant) -> LocalTime {
        LocalTime(epochSeconds: instant.wholeSeconds + Int64(utcOffset(at: instant)))
    }

    /// `YYYY-MM-DD HH:MM:SS` local time, as task files and the API have it.
    package func text(_ instant: Instant) -> String { local(instant).description }

    /// `YYYY-MM-DD HH:MM:SS +0800 CST`, as showschedules prints it.
    package func textWithZone(_ instant: Instant) -> String {
        let offset = utcOffset(at: instant)
        let minutes = abs(offset) / 60
        let sign = offset < 0 ? "-" : "+"
        return "\(text(instant)) \(sign)\(twoDigits(minutes / 60))\(twoDigits(minutes % 60)) \(zoneName(at: instant))"
    }

    /// The first instant at which clocks here show `local`; where they skip it, the moment of the skip.
    package func instant(of local: LocalTime) -> (instant: Instant, isSkipped: Bool) {
        let seconds = local.epochSeconds
        // A day before and after, no change of the clocks that concerns this time can lie outside.
        let offsets = [-86_400, 86_400].map { utcOffset(at: Instant(wholeSeconds: seconds + $0)) }
        let candidates = offsets.map { seconds - Int64($0) }.sorted()
        for candidate in candidates
        where candidate + Int64(utcOffset(at: Instant(wholeSeconds: candidate))) == seconds {
            return (Instant(wholeSeconds: candidate), false)
        }
        // Skipped: the change lies between the two candidates. Find its second.
        var before = candidates[0]
        var after = candidates[1]
        let offsetBefore = utcOffset(at: Instant(wholeSeconds: before))
        while after - before > 1 {
            let middle = before + (after - before) / 2
            if utcOffset(at: Instant(wholeSeconds: middle)) == offsetBefore { before = middle } else { after = middle }
        }
        return (Instant(wholeSeconds: after), true)
    }

    /// The instant that `YYYY-MM-DD HH:MM:SS` local time names; nil if it is no such text.
    package func instant(of text: String) -> Instant? { LocalTime(text).map { instant(of: $0).instant } }
}

extension Instant {
    init(wholeSeconds: Int64) { self.init(seconds: Double(wholeSeconds)) }

    /// Rounded down; the ends of the year 1 and 9999 for what no calendar here can show.
    var wholeSeconds: Int64 {
        Int64(exactly: min(max(seconds, -62_135_000_000), 253_402_000_000).rounded(.down)) ?? 0
    }
}

func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : String(value) }

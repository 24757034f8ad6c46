/// The local time at a place, for windows and printed times.
package protocol WallClock: Sendable {
    /// Seconds that local time is ahead of UTC at `instant`.
    func utcOffset(at instant: Instant) -> Int
    /// The zone's short name at `instant`, such as `CST`.
    func zoneName(at instant: Instant) -> String
}

/// A place with a constant offset.
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

    /// `YYYY-MM-DD HH:MM:SS` local time, for task files and the API.
    package func text(_ instant: Instant) -> String { local(instant).description }

    /// `YYYY-MM-DD HH:MM:SS +0800 CST`, for showschedules.
    package func textWithZone(_ instant: Instant) -> String {
        let offset = utcOffset(at: instant)
        let minutes = abs(offset) / 60
        let sign = offset < 0 ? "-" : "+"
        return "\(text(instant)) \(sign)\(twoDigits(minutes / 60))\(twoDigits(minutes % 60)) \(zoneName(at: instant))"
    }

    /// The first instant at which clocks here show `local`; if they skip it, the moment of the skip.
    package func instant(of local: LocalTime) -> (instant: Instant, isSkipped: Bool) {
        let seconds = local.epochSeconds
        // No clock change that affects this time can be more than a day away.
        let offsets = [-86_400, 86_400].map { utcOffset(at: Instant(wholeSeconds: seconds + $0)) }
        let candidates = offsets.map { seconds - Int64($0) }.sorted()
        for candidate in candidates
        where candidate + Int64(utcOffset(at: Instant(wholeSeconds: candidate))) == seconds {
            return (Instant(wholeSeconds: candidate), false)
        }
        // Skipped: the clock change is between the two candidates. Find its second.
        var before = candidates[0]
        var after = candidates[1]
        let offsetBefore = utcOffset(at: Instant(wholeSeconds: before))
        while after - before > 1 {
            let middle = before + (after - before) / 2
            if utcOffset(at: Instant(wholeSeconds: middle)) == offsetBefore { before = middle } else { after = middle }
        }
        return (Instant(wholeSeconds: after), true)
    }

    /// The instant of a `YYYY-MM-DD HH:MM:SS` local time; nil for any other text.
    package func instant(of text: String) -> Instant? { LocalTime(text).map { instant(of: $0).instant } }
}

extension Instant {
    init(wholeSeconds: Int64) { self.init(seconds: Double(wholeSeconds)) }

    /// Rounded down; clamped to the years 1 to 9999.
    var wholeSeconds: Int64 {
        Int64(exactly: min(max(seconds, -62_135_000_000), 253_402_000_000).rounded(.down)) ?? 0
    }
}

func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : String(value) }

import Text

/// The daily window in which a method may transfer, `HH:MM-HH:MM` in local time. It wraps midnight if the end is
/// smaller than the start. `24:00` is the end of the day; `00:00-23:59` (and `00:00-24:00`) means always.
///
/// It opens once a day: the first time the clock shows its start. It closes the first time after that that the clock
/// shows its end. A time that the clock skips in spring counts as the moment of the skip, and a window that is skipped
/// completely has its full length after the skip. The hour that occurs twice in autumn opens it once.
package struct QuietWindow: Sendable, Hashable, CustomStringConvertible {
    /// Minutes since midnight: 0 to 1,439.
    package let start: Int
    /// Minutes since the midnight before the start; above 1,440 if the window wraps midnight.
    package let end: Int
    /// The original text, for showschedules.
    package let text: String

    /// Open all day.
    package static let always = QuietWindow(start: 0, end: 1440, text: "00:00-23:59")

    private init(start: Int, end: Int, text: String) {
        self.start = start
        self.end = end
        self.text = text
    }

    /// - Throws: why the text is invalid.
    package static func parse(_ text: String) throws(QuietWindowError) -> QuietWindow {
        let parts = text.trimmingBlanks.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let start = minute(parts[0]), let end = minute(parts[1]) else {
            throw .malformed(text)
        }
        if start == 0 && end >= 1439 { return QuietWindow(start: 0, end: 1440, text: text.trimmingBlanks) }
        let opens = start % 1440
        guard opens != end % 1440 else { throw .empty(text) }
        return QuietWindow(start: opens, end: end > opens ? end : end + 1440, text: text.trimmingBlanks)
    }

    package init?(_ text: String) {
        guard let window = try? Self.parse(text) else { return nil }
        self = window
    }

    private static func minute(_ text: Substring) -> Int? {
        let parts = text.trimmingBlanksSubstring.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, (1...2).contains(parts[0].utf8.count), parts[1].utf8.count == 2,
            parts.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), minute < 60, hour < 24 || (hour == 24 && minute == 0)
        else { return nil }
        return hour * 60 + minute
    }

    package var isAlways: Bool { end - start == 1440 }
    package var description: String { text }

    /// Whether the window is open at `instant`.
    package func isOpen(at instant: Instant, clock: some WallClock) -> Bool {
        isAlways || spans(around: instant, clock: clock).contains { $0.contains(instant) }
    }

    /// The next instant after `instant` at which the window opens or closes; nil for a window that is always open.
    package func nextChange(after instant: Instant, clock: some WallClock) -> Instant? {
        guard !isAlways else { return nil }
        return spans(around: instant, clock: clock).flatMap { [$0.lowerBound, $0.upperBound] }.first { $0 > instant }
    }

    /// The period around `instant` in which the window is open, or else the next one; nil for a window that is always
    /// open.
    package func currentOrNext(at instant: Instant, clock: some WallClock) -> Range<Instant>? {
        guard !isAlways else { return nil }
        return spans(around: instant, clock: clock).first { $0.upperBound > instant }
    }

    /// The open periods of the days around `instant`, in order; adjacent ones are merged.
    private func spans(around instant: Instant, clock: some WallClock) -> [Range<Instant>] {
        let today = clock.local(instant).day
        var spans: [Range<Instant>] = []
        for day in (today - 1)...(today + 2) {
            guard let span = span(ofDay: day, clock: clock) else { continue }
            if let last = spans.last, span.lowerBound <= last.upperBound {
                spans[spans.count - 1] = last.lowerBound..<max(last.upperBound, span.upperBound)
            } else {
                spans.append(span)
            }
        }
        return spans
    }

    private func span(ofDay day: Int64, clock: some WallClock) -> Range<Instant>? {
        let opening = clock.instant(of: LocalTime(day: day, minute: start))
        let closing = clock.instant(of: LocalTime(day: day, minute: end))
        if opening.instant < closing.instant { return opening.instant..<closing.instant }
        guard opening.isSkipped else { return nil }
        return opening.instant..<(opening.instant + Double(end - start) * 60)
    }
}

/// Why the text of a window is invalid.
package enum QuietWindowError: Error, Sendable, Hashable, CustomStringConvertible {
    case malformed(String)
    case empty(String)

    package var description: String {
        switch self {
        case .malformed(let text): "'\(text)' is not a window such as 22:00-06:00"
        case .empty(let text): "the window '\(text)' starts when it ends; 00:00-23:59 means always"
        }
    }
}

extension Substring {
    var trimmingBlanksSubstring: String { String(self).trimmingBlanks }
}

import Policy

/// When transfers are allowed here: in the windows of the class and in those of the agent's file, in local time.
package struct WindowSchedule: Sendable, Hashable {
    /// Each list: one of its windows must be open; an empty one allows everything.
    private let lists: [[FleetWindow]]

    package init(_ lists: [FleetWindow]...) { self.lists = lists.filter { !$0.isEmpty } }

    package struct Now: Sendable, Hashable {
        package let isOpen: Bool
        /// Of the windows that are open, in bytes a second; nil for none.
        package let limit: Int64?
    }

    package func look(at time: LocalTime) -> Now {
        var limits: [Int64] = []
        for list in lists {
            let open = list.filter { Self.isOpen($0, at: time) }
            guard !open.isEmpty else { return Now(isOpen: false, limit: nil) }
            // Of several that are open, the one that allows most counts.
            if open.allSatisfy({ $0.limit != nil }), let most = open.compactMap(\.limit).max() { limits.append(most) }
        }
        return Now(isOpen: true, limit: limits.min())
    }

    /// A window that ends before it begins goes on over midnight, and belongs to the day on which it begins.
    private static func isOpen(_ window: FleetWindow, at time: LocalTime) -> Bool {
        let today = weekday(time.day)
        let minute = time.minuteOfDay
        if window.from < window.to {
            return window.days.contains(today) && (window.from..<window.to).contains(minute)
        }
        let yesterday = (today + 6) % 7
        return window.days.contains(today) && minute >= window.from
            || window.days.contains(yesterday) && minute < window.to
    }

    /// 0 is Sunday. 1970-01-01 was a Thursday.
    private static func weekday(_ day: Int64) -> Int { Int(((day + 4) % 7 + 7) % 7) }

    // MARK: Hours to come

    /// The days that are looked at.
    private static let horizon = 31

    /// Seconds since 1970 in which no window is open, from now on for a month, a part for each pause.
    /// - Parameter offset: seconds that local time is ahead of UTC.
    package func closed(from now: Double, offset: Int64) -> [Range<Double>] {
        guard !lists.isEmpty, now.isFinite, abs(now) < 1e12, abs(offset) < 172_800 else { return [] }
        let start = Int64(now) + offset
        let first = LocalTime(epochSeconds: start).day
        var edges: Set<Int64> = [start]
        for window in lists.joined() {
            for day in first - 1...first + Int64(Self.horizon) {
                for minute in [window.from, window.to] { edges.insert(day * 86_400 + Int64(minute) * 60) }
            }
        }
        let sorted = edges.filter { $0 >= start }.sorted()
        var closed: [Range<Double>] = []
        for (from, to) in zip(sorted, sorted.dropFirst()) {
            guard !look(at: LocalTime(epochSeconds: from)).isOpen else { continue }
            let part = max(now, Double(from - offset))..<max(now, Double(to - offset))
            if let last = closed.last, last.upperBound >= part.lowerBound {
                closed[closed.count - 1] = last.lowerBound..<part.upperBound
            } else {
                closed.append(part)
            }
        }
        return closed
    }
}

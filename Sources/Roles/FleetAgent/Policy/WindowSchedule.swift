import Fleet
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
}

import HeapModule

/// Names a timer until it has fired.
public struct TimerToken: Hashable, Sendable {
    let serial: UInt64
}

/// Deadlines, the nearest first. A cancelled timer stays in the heap until its time, without its action.
package struct TimerQueue {
    private struct Entry: Comparable {
        let deadline: Double
        let serial: UInt64

        static func < (left: Entry, right: Entry) -> Bool { left.deadline < right.deadline }
    }

    private var heap = Heap<Entry>()
    private var actions: [UInt64: () -> Void] = [:]
    private var serial: UInt64 = 0

    package init() {}

    /// Seconds of the loop's clock, or nil without a timer.
    package var nextDeadline: Double? { heap.min?.deadline }

    package mutating func insert(at deadline: Double, _ action: @escaping () -> Void) -> TimerToken {
        serial += 1
        actions[serial] = action
        heap.insert(Entry(deadline: deadline, serial: serial))
        return TimerToken(serial: serial)
    }

    package mutating func cancel(_ token: TimerToken) {
        actions[token.serial] = nil
        while let first = heap.min, actions[first.serial] == nil { heap.removeMin() }
    }

    /// Removes and returns the action of the first due timer, so that the caller may run it while timers are added.
    package mutating func popDue(at now: Double) -> (() -> Void)? {
        while let first = heap.min, first.deadline <= now {
            heap.removeMin()
            if let action = actions.removeValue(forKey: first.serial) { return action }
        }
        return nil
    }
}

/// Identifies a timer until it has fired.
public struct TimerToken: Hashable, Sendable {
    let serial: UInt64
}

/// A binary heap of deadlines. A cancelled timer stays in the heap until its time, without its action.
struct TimerQueue {
    private var heap: [(deadline: Double, serial: UInt64)] = []
    private var actions: [UInt64: () -> Void] = [:]
    private var serial: UInt64 = 0

    /// Seconds of the loop's clock; nil if there is no timer.
    var nextDeadline: Double? { heap.first?.deadline }

    mutating func insert(at deadline: Double, _ action: @escaping () -> Void) -> TimerToken {
        serial += 1
        actions[serial] = action
        heap.append((deadline, serial))
        siftUp(heap.count - 1)
        return TimerToken(serial: serial)
    }

    mutating func cancel(_ token: TimerToken) {
        actions[token.serial] = nil
        while let first = heap.first, actions[first.serial] == nil { removeFirst() }
    }

    /// Removes and returns the action of the first due timer, so that the caller may run it while timers are added.
    mutating func popDue(at now: Double) -> (() -> Void)? {
        while let first = heap.first, first.deadline <= now {
            removeFirst()
            if let action = actions.removeValue(forKey: first.serial) { return action }
        }
        return nil
    }

    private mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        siftDown(0)
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        while index > 0, heap[index].deadline < heap[(index - 1) / 2].deadline {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
                if heap[child].deadline < heap[least].deadline { least = child }
            }
            if least == index { return }
            heap.swapAt(index, least)
            index = least
        }
    }
}

/// The pause before a failed task is tried again. It doubles with each failure, from `first` up to `longest`.
package struct Backoff: Hashable, Sendable {
    /// Seconds, as is `longest`.
    package let first: Double
    package let longest: Double

    package init(first: Double = 1, longest: Double = 300) {
        self.first = first
        self.longest = longest
    }

    /// Seconds to wait after a number of failures in a row, 1 or more.
    package func pause(afterFailures count: Int) -> Double {
        var pause = first
        for _ in 1..<max(1, min(count, 64)) { pause = min(longest, pause * 2) }
        return min(longest, pause)
    }
}

/// Waiting times that grow.
package struct Backoff: Sendable, Hashable {
    /// Seconds before the first try, and the most between two.
    package var first: Double
    package var most: Double
    /// What each time is multiplied by.
    package var factor: Double

    package init(first: Double, most: Double, factor: Double = 2) {
        self.first = first
        self.most = most
        self.factor = factor
    }

    /// Seconds to wait after `failures` tries that failed.
    package func delay(after failures: Int) -> Double {
        var delay = first
        for _ in 0..<max(0, min(failures, 64)) where delay < most { delay *= factor }
        return min(delay, most)
    }
}

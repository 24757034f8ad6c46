/// Growing delays between attempts.
package struct Backoff: Sendable, Hashable {
    /// Seconds before the first attempt, and the maximum between two.
    package var first: Double
    package var most: Double
    /// Factor between two delays.
    package var factor: Double

    package init(first: Double, most: Double, factor: Double = 2) {
        self.first = first
        self.most = most
        self.factor = factor
    }

    /// Seconds to wait after `failures` failed attempts.
    package func delay(after failures: Int) -> Double {
        var delay = first
        for _ in 0..<max(0, min(failures, 64)) where delay < most { delay *= factor }
        return min(delay, most)
    }
}

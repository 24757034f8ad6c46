/// The difference between a node's clock and control's. Each exchange with control measures it, and assumes that
/// control read its clock in the middle of the exchange.
package struct ClockDifference: Sendable, Hashable {
    /// Difference in seconds above which control flags a node.
    package static let flagged = 30.0
    /// Maximum difference in seconds with which a node can join.
    package static let most = 48 * 3600.0

    /// Seconds that the node's clock is ahead of control's.
    package private(set) var seconds = 0.0
    /// Maximum error of `seconds`: half the duration of the exchange that measured it, plus ageing.
    package private(set) var uncertainty = Double.infinity

    package init() {}

    /// Adds a measurement: when the node sent the request and received the answer, by its own clock, and control's time
    /// in the answer.
    package mutating func measured(asked: Double, answered: Double, control: Double) {
        let half = max(0, (answered - asked) / 2)
        // The stored measurement ages by a millisecond with each new one, so that a change of the clock is noticed.
        uncertainty += 0.001
        let difference = (asked + answered) / 2 - control
        guard half <= uncertainty || abs(difference - seconds) > half + uncertainty else { return }
        seconds = difference
        uncertainty = half
    }

    package var isFlagged: Bool { abs(seconds) > Self.flagged }

    /// Converts a time of control's clock to the node's clock.
    package func here(_ moment: Double) -> Double { moment + seconds }
}

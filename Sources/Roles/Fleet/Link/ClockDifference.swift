/// How far a node's clock is from control's: measured with each answer of the link, whose middle counts.
package struct ClockDifference: Sendable, Hashable {
    /// A node is flagged when its clock is further off, in seconds.
    package static let flagged = 30.0
    /// Joining fails beyond this.
    package static let most = 48 * 3600.0

    /// Seconds that the node's clock is ahead of control's.
    package private(set) var seconds = 0.0
    /// Half of the time that the best exchange took: the error of `seconds`.
    package private(set) var uncertainty = Double.infinity

    package init() {}

    /// An exchange: when the node asked and had the answer, by its clock, and control's clock between.
    package mutating func measured(asked: Double, answered: Double, control: Double) {
        let half = max(0, (answered - asked) / 2)
        // Old measurements lose a millisecond of trust with each new one, so that a clock that was set is found.
        uncertainty += 0.001
        let difference = (asked + answered) / 2 - control
        guard half <= uncertainty || abs(difference - seconds) > half + uncertainty else { return }
        seconds = difference
        uncertainty = half
    }

    package var isFlagged: Bool { abs(seconds) > Self.flagged }

    /// A moment of control's clock by the node's.
    package func here(_ moment: Double) -> Double { moment + seconds }
}

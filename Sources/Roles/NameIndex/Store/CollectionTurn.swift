/// Whether the daily collection is due.
package struct CollectionTurn: Sendable, Hashable {
    package let isDue: Bool
    /// When the last collection counts as begun from now on; nil if that stays as it is.
    package let last: Int64?

    /// - Parameters:
    ///   - last: when the last collection began; nil for never. A time that is still to come is of a clock that was wrong.
    ///   - now: milliseconds since 1970.
    package init(last: Int64?, now: Int64, period: Int64) {
        guard let last, last <= now else {
            isDue = false
            self.last = now
            return
        }
        isDue = now - last >= period
        self.last = isDue ? now : nil
    }
}

/// Whether the daily collection is due.
package struct CollectionTurn: Sendable, Hashable {
    package let isDue: Bool
    /// The new time of the last collection; nil if it stays the same.
    package let last: Int64?

    /// - Parameters:
    ///   - last: when the last collection began, in milliseconds since 1970; nil for never. A time in the future comes from
    ///     a clock that was wrong.
    ///   - now: milliseconds since 1970.
    ///   - period: milliseconds between two collections.
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

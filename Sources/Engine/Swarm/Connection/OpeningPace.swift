import Glibc

/// How fast the first bytes go to a peer.
///
/// TCP opens by doubling what is in flight with every round trip: where these are short, the first connection of many
/// fills the queue of the line within a millisecond, and those that open a moment later lose their first packets and
/// crawl for seconds. So each begins at a rate that many can have at once, and doubles it in a time that is long beside
/// such moments and short for people.
struct OpeningPace: Sendable {
    private enum Constant {
        /// Bytes per second.
        static let first = 1e6
        /// From here on there is no limit.
        static let last = 1e9
        /// Seconds in which the rate doubles, and where there is one peer only.
        static let doubling = 0.05
        static let doublingAlone = 0.015
        /// Bytes that may go at once.
        static let burst = 32.0 * 1024
        /// Seconds without a byte after which it all begins again, as TCP does.
        static let idle = 2.0
    }

    private var rate = Constant.first
    private var tokens = Constant.burst
    private var at = -Double.infinity
    private var sentAt = -Double.infinity

    /// Seconds until `count` more bytes may go; 0 when they may now.
    /// - Parameters:
    ///   - isAlone: nobody else is connected who could be pushed aside.
    ///   - now: seconds.
    mutating func delay(for count: Int, isAlone: Bool, now: Double) -> Double {
        if now - sentAt > Constant.idle {
            rate = Constant.first
            tokens = Constant.burst
            at = now
            sentAt = now
        }
        guard rate < Constant.last else { return 0 }
        let doubling = isAlone ? Constant.doublingAlone : Constant.doubling
        let next = rate * exp2((now - at) / doubling)
        // The integral of a rate that doubles.
        tokens += (next - rate) * doubling / M_LN2
        rate = next
        at = now
        let lack = Double(count) - tokens
        return lack <= 0 ? 0 : doubling * log2(1 + lack * M_LN2 / (rate * doubling))
    }

    mutating func sent(_ count: Int, now: Double) {
        sentAt = now
        tokens -= Double(count)
    }
}

import Glibc

/// Limits the rate of the first bytes to a peer.
///
/// TCP doubles the data in flight with every round trip. If round trips are short, the first of many new connections
/// fills the queue of the uplink within a millisecond, and the others lose their first packets and stay slow for
/// seconds. So each connection begins at a rate that many can have at the same time. It doubles in a time that is long
/// compared with a round trip but short for people.
struct OpeningPace: Sendable {
    private enum Constant {
        /// Bytes per second.
        static let first = 1e6
        /// The rate above which there is no limit.
        static let last = 1e9
        /// Seconds in which the rate doubles, and the same if there is only one peer.
        static let doubling = 0.05
        static let doublingAlone = 0.015
        /// Bytes that may be sent at once.
        static let burst = 32.0 * 1024
        /// Seconds without a byte after which the limit starts again, as TCP does.
        static let idle = 2.0
    }

    private var rate = Constant.first
    private var tokens = Constant.burst
    private var at = -Double.infinity
    private var sentAt = -Double.infinity

    /// Seconds until `count` more bytes may be sent; 0 if they may be sent now.
    /// - Parameters:
    ///   - isAlone: no other connected peer could be displaced.
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

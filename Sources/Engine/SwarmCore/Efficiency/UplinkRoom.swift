/// Limits uploads of a host with a narrow uplink while it downloads.
///
/// Such a host can receive as fast as others, but its requests and acknowledgements share the uplink with its uploads.
/// If the uplink's queue is full, every stream that it receives is slower than the streams of other hosts from the same
/// sender, and it finishes after them. So it uploads a little less than it could while it downloads. From time to time
/// it uploads at full rate, because uplinks change and the first measurement may have been limited by something else.
/// Bytes and seconds.
public struct UplinkRoom: Sendable {
    private enum Constant {
        /// An uplink below this share of the others' uplinks is narrow. Both values may be wrong by some tenths.
        static let narrow = 0.4
        /// The share of the uplink that uploads use.
        static let used = 0.85
        static let limited = 10.0
        /// Long enough to measure the uplink, see ``UplinkEstimate``.
        static let free = 3.0
    }

    private var since: Double?
    /// Upload limit in bytes per second; nil for no limit.
    public private(set) var limit: Double?

    public init() {}

    /// Call a few times a second.
    /// - Parameters:
    ///   - uplink: this host's uplink; nil if unknown.
    ///   - others: the uplink of the others, see ``Choker/Others``; nil if unknown.
    ///   - given: the configured upload limit; nil for no limit.
    ///   - isFetching: whether the host is downloading, or could.
    /// - Returns: whether to begin a new measurement of the uplink now.
    public mutating func look(
        uplink: Double?, others: Double?, given: Int?, isFetching: Bool, now: Double
    ) -> Bool {
        guard isFetching, let uplink, let others, uplink < Constant.narrow * others,
            given.map({ Double($0) * Constant.used > uplink }) ?? true
        else {
            (since, limit) = (nil, nil)
            return false
        }
        let begun = since ?? now
        since = begun
        let wasLimited = limit != nil
        let isLimited =
            (now - begun).truncatingRemainder(dividingBy: Constant.limited + Constant.free) < Constant.limited
        limit = isLimited ? Constant.used * uplink : nil
        return wasLimited && !isLimited
    }
}

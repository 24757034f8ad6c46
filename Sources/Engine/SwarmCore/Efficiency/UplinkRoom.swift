/// What a narrow uplink leaves free for its own host.
///
/// A host that can send much less than others receives as much as they do, and its requests and acknowledgements have
/// to pass where its uploads wait: with a full queue before them, every stream that it receives is slower than those
/// of others to the same sender, and it ends after them. So it sends a little less than it could while it fetches. Now
/// and then it sends all that it can for a while, since lines change and the first measure may have been of something
/// else. Bytes and seconds.
public struct UplinkRoom: Sendable {
    private enum Constant {
        /// Of what others can send: a line below that is narrow. What is known of both may be wrong by some tenths.
        static let narrow = 0.4
        /// Of the line, what is sent.
        static let used = 0.85
        static let limited = 10.0
        /// Long enough for a measure of the line, see ``UplinkEstimate``.
        static let free = 3.0
    }

    private var since: Double?
    /// Bytes per second; nil for as many as there are.
    public private(set) var limit: Double?

    public init() {}

    /// To be called a few times a second.
    /// - Parameters:
    ///   - uplink: what this host is known to be able to send; nil when it is not known.
    ///   - others: what the others can, see ``Choker/Others``; nil when it is not known.
    ///   - given: what this host was told to send at most; nil for no limit.
    ///   - isFetching: it receives, or would.
    /// - Returns: whether the line is to be measured anew from now on.
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

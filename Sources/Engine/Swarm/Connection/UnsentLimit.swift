/// Limits the unsent bytes in a socket to a few hundredths of a second of its rate.
///
/// Bytes in the kernel's queue are sent before everything that comes later. With a short queue, requests and
/// announcements are sent soon although blocks are being sent, cancelled blocks are not sent after all, and the next
/// peer to serve is chosen late. A faster connection gets a longer queue, so that it causes no more wake-ups.
struct UnsentLimit: Sendable {
    /// Bytes.
    static let least = 32 * 1024
    static let most = 8 << 20
    /// The limit of a new socket.
    static let first = 4 * least
    /// Seconds of the connection's rate.
    private static let time = 0.02
    /// The same on a long path. There the queue must never be empty: congestion control learns nothing about a path
    /// that is not kept busy, and some more delay does not matter beside the delay of the path.
    private static let timeOnLongPath = 0.1
    /// Seconds between two adjustments; shorter if the first bytes show a high rate.
    private static let period = 0.1

    /// The current limit of the socket, in bytes.
    private(set) var bytes = first
    var isOnLongPath = false
    private var since: Double?
    private var count = 0

    /// - Parameter now: seconds.
    /// - Returns: a new limit, if the rate requires one that differs by at least a quarter.
    mutating func sent(_ more: Int, now: Double) -> Int? {
        guard let start = since, now - start < 1 else {
            since = now
            count = more
            return nil
        }
        count += more
        let elapsed = now - start
        guard elapsed >= Self.period || count >= 16 * bytes else { return nil }
        let wanted = Double(count) / max(elapsed, 1e-3) * (isOnLongPath ? Self.timeOnLongPath : Self.time)
        since = now
        count = 0
        let next = Int(min(max(wanted, Double(Self.least)), Double(Self.most)))
        guard abs(next - bytes) * 4 >= bytes else { return nil }
        bytes = next
        return next
    }
}

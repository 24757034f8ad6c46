/// How many bytes may wait unsent in a socket: a few hundredths of a second of what goes through it.
///
/// What is in the kernel's queue goes before everything that comes after it. With a short one, requests and
/// announcements of pieces are soon on their way although blocks are being sent, blocks that were cancelled are not
/// sent after all, and who is served next is decided late. A line that is fast gets a longer one, so that it costs no
/// more wake-ups.
struct UnsentLimit: Sendable {
    /// Bytes.
    static let least = 32 * 1024
    static let most = 8 << 20
    /// What a socket begins with.
    static let first = 4 * least
    /// Seconds of the connection's rate.
    private static let time = 0.02
    /// The same on a long line: there it must never run dry, for congestion control learns nothing about a line that is
    /// not kept busy, and a little more delay does not show beside that of the line.
    private static let timeOnLongPath = 0.1
    /// Seconds between two looks; sooner when the first bytes show a fast line.
    private static let period = 0.1

    /// What the socket was told last, bytes.
    private(set) var bytes = first
    var isOnLongPath = false
    private var since: Double?
    private var count = 0

    /// - Parameter now: seconds.
    /// - Returns: another limit, when the rate calls for one that differs by a quarter at least.
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

import NIOCore

/// Tracks the progress of a response body, to detect a stalled server.
package struct FetchProgress {
    /// Offset of the next byte in the content space.
    package var next: Int64
    private let window: Int64
    private let leastBytes: Int
    private var waitingSince: NIODeadline?
    private var waited: Int64 = 0
    private var bytes = 0

    package init(settings: WebSeedSettings, next: Int64) {
        self.next = next
        window = TimeAmount.after(settings.stallTimeout).nanoseconds
        leastBytes = settings.slowestProgress
    }

    /// Call before waiting for the next part of the body.
    package mutating func waits() { waitingSince = .now() }

    /// Call when a part of the body arrived. Only time spent waiting counts, so a slow sink does not count against the
    /// server.
    /// - Returns: a problem if the server is too slow.
    package mutating func received(_ count: Int, host: String) -> WebSeedProblem? {
        let now = NIODeadline.now()
        waited += (now - (waitingSince ?? now)).nanoseconds
        waitingSince = nil
        bytes += count
        guard waited >= window else { return nil }
        defer {
            waited = 0
            bytes = 0
        }
        return bytes < leastBytes ? .retry(after: nil, reason: "\(host) sends next to nothing") : nil
    }

    /// Whether the last read timed out after only a short wait, because the sink used the rest of the time.
    package var isOwnDelay: Bool {
        guard let waitingSince else { return false }
        return (NIODeadline.now() - waitingSince).nanoseconds < window / 2
    }
}

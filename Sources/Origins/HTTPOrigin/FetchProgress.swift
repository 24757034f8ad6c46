import NIOCore

/// How a body comes in: enough, or so slowly that the server must count as stalled.
package struct FetchProgress {
    /// Content-space offset of the next byte.
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

    /// The next part of the body is awaited from now on.
    package mutating func waits() { waitingSince = .now() }

    /// A part of the body came. Only time spent waiting counts: a slow sink is not the server's fault.
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

    /// Whether a read that just timed out had been waited for only a short time, the rest having been ours.
    package var isOwnDelay: Bool {
        guard let waitingSince else { return false }
        return (NIODeadline.now() - waitingSince).nanoseconds < window / 2
    }
}

/// How many bytes to have asked of one peer at a time: enough that its line never idles, not so much that pieces are
/// promised long before they can come.
///
/// It doubles while that brings more (as TCP begins), then follows rate times delay.
struct RequestWindow: Sendable {
    struct Limits: Sendable {
        var initial = 4 * blockLength
        var least = 2 * blockLength
        var most = 8 << 20
        /// On a long line, where loss makes many answers wait for what was lost before them.
        var mostOnLongLine = 16 << 20
        /// Bytes per second that a long line is asked for at first.
        var firstRate = 8e6
        /// Seconds of the peer's rate kept in flight on top of the delay of the line.
        var slack = 0.3
    }

    private static let limits = Limits()
    /// Bytes to keep asked for.
    private(set) var target: Int
    private(set) var meter: RateMeter
    private var leastDelay = Double.infinity
    private var isStarting = true
    private var checkedAt: Double
    private var rateAtCheck = 0.0

    init(now: Double) {
        meter = RateMeter(now: now)
        target = Self.limits.initial
        checkedAt = now
    }

    private var isOnLongLine = false

    private var most: Int { isOnLongLine ? Self.limits.mostOnLongLine : Self.limits.most }

    /// - Parameter delay: seconds from the request to its last byte.
    mutating func arrived(_ bytes: Int, delay: Double, now: Double) {
        meter.add(bytes, now: now)
        leastDelay = min(leastDelay, max(delay, 1e-5))
        if isStarting { target = min(most, target + bytes) }
        if now - checkedAt >= max(0.25, 2 * leastDelay) { check(now) }
    }

    private mutating func check(_ now: Double) {
        let rate = meter.rate(now)
        if isStarting && rate < 1.15 * rateAtCheck { isStarting = false }
        if !isStarting {
            let wanted = rate * (2 * leastDelay + Self.limits.slack)
            // Gently down: one slow moment must not empty the line.
            let next = max(wanted, Double(target) * 0.8)
            target = max(Self.limits.least, min(most, Int(next) + blockLength))
        }
        rateAtCheck = rate
        checkedAt = now
    }

    /// A long line is filled from the beginning, as far as it is not known how much it takes: with less asked for, TCP
    /// would not find that out either.
    /// - Parameter roundTrip: seconds; 0 for a line that is not long.
    mutating func expect(roundTrip: Double) {
        isOnLongLine = roundTrip > 0
        guard isStarting, leastDelay == .infinity else { return }
        target = max(target, min(Self.limits.most, Int(min(roundTrip, 1) * Self.limits.firstRate)))
    }

    /// Bytes per second.
    mutating func currentRate(_ now: Double) -> Double { meter.rate(now) }

    /// The peer has let requests lie: one block at a time until it sends again.
    mutating func collapse() {
        target = blockLength
        isStarting = true
        leastDelay = .infinity
    }

    /// Blocks of one request, for a peer that takes runs: about 20 ms of the rate of each of its connections, and
    /// enough for as many requests as it keeps to fill the window.
    mutating func runLength(limit: Int, lines: Int, requests: Int, now: Double) -> Int {
        let least = lines > 1 ? target * 4 / 3 / (blockLength * requests) : 1
        return max(1, min(limit, max(least, Int(meter.rate(now) * 0.02) / (blockLength * lines))))
    }
}

/// The number of bytes to keep requested from one peer: enough that its uplink is never idle, but few enough that
/// requests are answered soon.
///
/// The window doubles while that raises the rate (like TCP slow start), then follows rate times delay.
package struct RequestWindow: Sendable {
    package struct Limits: Sendable {
        var initial = 4 * blockLength
        package var least = 2 * blockLength
        package var most = 8 << 20
        /// On a long path, where a lost block delays many answers behind it.
        var mostOnLongPath = 16 << 20
        /// Assumed rate of a long path at first, in bytes per second.
        var firstRate = 8e6
        /// Seconds of the peer's rate to keep in flight in addition to the delay.
        var slack = 0.3
    }

    private static let limits = Limits()
    /// The window, in bytes.
    package private(set) var target: Int
    private(set) var meter: RateMeter
    private var leastDelay = Double.infinity
    private var isStarting = true
    private var checkedAt: Double
    private var rateAtCheck = 0.0

    package init(now: Double) {
        meter = RateMeter(now: now)
        target = Self.limits.initial
        checkedAt = now
    }

    private var isOnLongPath = false

    private var most: Int { isOnLongPath ? Self.limits.mostOnLongPath : Self.limits.most }

    /// - Parameter delay: seconds from the request to the last byte of the answer.
    package mutating func arrived(_ bytes: Int, delay: Double, now: Double) {
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
            // Shrinks slowly: one slow moment must not leave the peer's uplink idle.
            let next = max(wanted, Double(target) * 0.8)
            target = max(Self.limits.least, min(most, Int(next) + blockLength))
        }
        rateAtCheck = rate
        checkedAt = now
    }

    /// Starts with a large window for a long path whose rate is unknown: with fewer requests, TCP could not find its
    /// rate either.
    /// - Parameter roundTrip: seconds; 0 for a path that is not long.
    package mutating func expect(roundTrip: Double) {
        isOnLongPath = roundTrip > 0
        guard isStarting, leastDelay == .infinity else { return }
        target = max(target, min(Self.limits.most, Int(min(roundTrip, 1) * Self.limits.firstRate)))
    }

    /// Bytes per second.
    mutating func currentRate(_ now: Double) -> Double { meter.rate(now) }

    /// The peer did not answer its requests: request one block at a time until it sends again.
    package mutating func collapse() {
        target = blockLength
        isStarting = true
        leastDelay = .infinity
    }

    /// Number of blocks in one request to a peer that accepts long requests: about 20 ms of the rate of each of its
    /// connections, and enough that the requests it queues fill the window.
    package mutating func runLength(limit: Int, connections: Int, requests: Int, now: Double) -> Int {
        let least = connections > 1 ? target * 4 / 3 / (blockLength * requests) : 1
        return max(1, min(limit, max(least, Int(meter.rate(now) * 0.02) / (blockLength * connections))))
    }
}

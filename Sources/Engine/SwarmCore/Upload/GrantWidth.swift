/// Decides how many bytes to grant at the same time: as few as keep the uplink busy, because the next peer should be
/// chosen as late as possible.
///
/// The width is four pieces, or a tenth of a second of the uplink. Slow receivers do not count (see ``patience``). From
/// time to time a greater width is tried, and kept if the upload rate grows, because the receivers may be far away.
package struct GrantWidth: Sendable {
    package struct Limits: Sendable {
        /// Minimum width, in pieces.
        package var least = 4.0
        /// Width in seconds of the uplink's rate, and the maximum of that in bytes.
        var time = 0.1
        var mostByRate = 16 << 20
        var mostFactor = 32.0
        /// Minimum seconds and pieces for measuring the rate.
        var period = 1.0
        var leastPieces = 4
        /// Factor by which the rate must grow for a greater width to be kept.
        package var gain = 1.1
        /// Factor by which the best rate decays after each measurement.
        var memory = 0.99
        /// Seconds between two trials. Doubles after each trial without success.
        var firstPause = 2.0
        var longestPause = 30.0
        /// Multiple of the time that a grant takes if no link is congested.
        package var patience = 2.5
        var leastPatience = 0.1
        var firstPatience = 3.0
    }

    private let limits: Limits
    private let pieceLength: Int
    private var factor = 1.0
    private var isTrying = false
    private var pause: Double
    private var nextTrialAt: Double
    /// The highest upload rate measured, in bytes per second.
    package private(set) var best = 0.0
    private var bytes = 0
    private var lookedAt: Double
    private var wasIdle = false

    package init(limits: Limits = Limits(), pieceLength: Int, now: Double) {
        self.limits = limits
        self.pieceLength = pieceLength
        pause = limits.firstPause
        nextTrialAt = now + limits.firstPause
        lookedAt = now
    }

    /// The width, in bytes.
    package var target: Int {
        Int(max(limits.least * Double(pieceLength), min(Double(limits.mostByRate), best * limits.time)) * factor)
    }

    /// Seconds after which a grant is slow: it no longer counts, and other grants are issued.
    package var patience: Double {
        best > 0 ? max(limits.leastPatience, limits.patience * Double(target) / best) : limits.firstPatience
    }

    package mutating func sent(_ count: Int) { bytes += count }

    /// Call a few times a second.
    /// - Parameter hasWaiting: whether some peer would use another grant.
    package mutating func look(hasWaiting: Bool, now: Double) {
        wasIdle = wasIdle || !hasWaiting
        let elapsed = now - lookedAt
        guard elapsed >= limits.period, bytes >= limits.leastPieces * pieceLength || elapsed > 20 * limits.period else {
            return
        }
        let rate = Double(bytes) / elapsed
        let isGain = rate > best * limits.gain
        best = max(rate, best * limits.memory)
        (bytes, lookedAt) = (0, now)
        defer { wasIdle = false }
        guard !wasIdle else {
            if isTrying { factor = max(1, factor / 1.5) }
            isTrying = false
            return
        }
        if isTrying, !isGain {
            factor = max(1, factor / 1.5)
            isTrying = false
            pause = min(limits.longestPause, 2 * pause)
            nextTrialAt = now + pause
        } else if isTrying || now >= nextTrialAt {
            if isTrying { pause = limits.firstPause }
            isTrying = true
            factor = min(limits.mostFactor, factor * 1.5)
        }
    }
}

/// How much is on its way out at a time: enough that the line is never idle, as little as that takes, for who comes
/// next is decided when the line is free.
///
/// Four pieces, or a tenth of a second. Receivers that take theirs slowly do not count (see ``patience``), and now and
/// then more is tried, and kept if more goes out: the receivers may be far away.
struct GrantWidth: Sendable {
    struct Limits: Sendable {
        /// Pieces.
        var least = 4.0
        /// Seconds of the line's rate, and bytes that this comes to at most.
        var time = 0.1
        var mostByRate = 16 << 20
        var mostFactor = 32.0
        /// A measure of the rate takes so many seconds and pieces at least.
        var period = 1.0
        var leastPieces = 4
        /// What a wider one has to bring to be kept.
        var gain = 1.1
        /// Of the best rate, after each measure.
        var memory = 0.99
        /// Seconds between two trials, twice as long after each that brought nothing.
        var firstPause = 2.0
        var longestPause = 30.0
        /// Times the time that a turn takes where all lines are free.
        var patience = 2.5
        var leastPatience = 0.1
        var firstPatience = 3.0
    }

    private let limits: Limits
    private let pieceLength: Int
    private var factor = 1.0
    private var isTrying = false
    private var pause: Double
    private var nextTrialAt: Double
    /// Bytes per second that the line was seen to take.
    private(set) var best = 0.0
    private var bytes = 0
    private var lookedAt: Double
    private var wasIdle = false

    init(limits: Limits = Limits(), pieceLength: Int, now: Double) {
        self.limits = limits
        self.pieceLength = pieceLength
        pause = limits.firstPause
        nextTrialAt = now + limits.firstPause
        lookedAt = now
    }

    /// Bytes.
    var target: Int {
        Int(max(limits.least * Double(pieceLength), min(Double(limits.mostByRate), best * limits.time)) * factor)
    }

    /// Seconds after which a turn is slow: it no longer counts, and others begin.
    var patience: Double {
        best > 0 ? max(limits.leastPatience, limits.patience * Double(target) / best) : limits.firstPatience
    }

    mutating func sent(_ count: Int) { bytes += count }

    /// To be called a few times a second.
    /// - Parameter hasWaiting: somebody would take more if it was his turn.
    mutating func look(hasWaiting: Bool, now: Double) {
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

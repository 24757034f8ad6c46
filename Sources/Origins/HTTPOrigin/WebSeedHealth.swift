import Text

/// Whether a web seed may be asked, and how much at once: a machine without clock or socket.
///
/// Time is in seconds since any fixed moment. Failures make it wait, longer each time. What is wrong about a file, from
/// the answer's head or from bytes that do not verify, counts against that file: the others still come from it. Its
/// owner reports what happened and asks before each fetch.
package struct WebSeedHealth: Sendable {
    /// Times in seconds.
    package struct Settings: Sendable, Hashable {
        /// First delay after a failure, doubling up to the longest.
        package var retry = 2.0
        package var longestRetry = 600.0
        /// Bad pieces of a file after which it is not asked for that file any more. A source that is probed is asked
        /// later, after the first.
        package var badPieces = 3
        /// Good pieces of a file that make up for a bad one.
        package var forgiveness = 500
        /// Files with bad pieces, and no good piece of any file between, after which a source is banned for good.
        package var wrongFiles = 8
        /// Files that it does not have, after which it is given up altogether.
        package var missingFiles = 1_000
        /// Most fetches at once.
        package var mostFetches = 4
        /// Nothing is given up for good: what fails is asked again, later each time, and counts as a source again when
        /// it answers. ``WebSeedHealth/isExhausted`` says that until then there is nothing to be had.
        package var probes = false

        package init() {}
    }

    package enum State: Sendable, Hashable {
        case usable
        /// Not before this time.
        case waiting(until: Double)
        /// Never again; the text says why.
        case banned(String)
    }

    private struct Missing: Sendable {
        var times = 0
        var notBefore = Double.infinity
        /// Bytes of it came and did not verify: only a good piece says that it is well again.
        var isWrong = false
        var reason: SourceReason
    }

    private let settings: Settings
    private var random: SeededGenerator
    private var failures = 0
    private var notBefore = -Double.infinity
    private var conduct = SourceConduct()
    private var missing: [Int: Missing] = [:]
    private var ban: SourceReason?
    /// What was the matter last; nil as long as all is well.
    package private(set) var trouble: SourceReason?
    /// The last problem was of the kind that makes it no source at all: nobody answers, or what is there is wrong.
    package private(set) var isExhausted = false
    /// Fetches that may run at once: at first one, more as they succeed, half as many after a failure.
    package private(set) var fetchesAllowed = 1

    /// - Parameter seed: for jitter; different on every node.
    package init(settings: Settings = Settings(), seed: UInt64) {
        self.settings = settings
        random = SeededGenerator(seed: seed)
    }

    package func state(at now: Double) -> State {
        if let ban { return .banned(ban.text) }
        return notBefore > now ? .waiting(until: notBefore) : .usable
    }

    /// Whether a fetch of this file (an index in the layout) may start now.
    package func mayFetch(file: Int, at now: Double) -> Bool {
        ban == nil && notBefore <= now && (missing[file]?.notBefore ?? now) <= now
    }

    /// A fetch came to its end as wished.
    /// - Parameter now: as for ``answered(at:)``.
    package mutating func succeeded(at now: Double = .infinity) {
        guard notBefore <= now else { return }
        failures = 0
        fetchesAllowed = min(fetchesAllowed + 1, settings.mostFetches)
        answered()
    }

    /// Bytes have come: it is a source again.
    /// - Parameter now: while it is not to be asked, what still comes was asked for before its trouble and says
    ///   nothing.
    package mutating func answered(at now: Double = .infinity) {
        guard notBefore <= now else { return }
        trouble = nil
        isExhausted = false
    }

    /// Bytes of this file have come.
    package mutating func answered(file: Int) {
        if missing[file]?.isWrong == false { missing[file] = nil }
    }

    /// Files that it does not give out and that are not asked for now.
    package func missingFiles(at now: Double) -> Set<Int> {
        Set(missing.lazy.filter { $0.value.notBefore > now }.map(\.key))
    }

    /// Files that it did not give out when it was last asked, whether they may be asked for again or not.
    package var refusedFiles: Set<Int> { Set(missing.keys) }

    /// Why it does not give out a file; nil as far as is known.
    package func refusal(ofFile file: Int) -> SourceReason? { missing[file]?.reason }

    /// When something may be asked for again that may not be now, nil when there is no such thing.
    package func nextChange(after now: Double) -> Double? {
        let times = missing.values.map(\.notBefore) + [notBefore]
        return times.filter { $0 > now && $0 < .infinity }.min()
    }

    /// A piece made of its bytes alone did verify.
    /// - Parameter files: those that have bytes in the piece.
    package mutating func goodPiece(of files: Set<Int>) {
        conduct.goodPiece(of: files, forgiveness: settings.forgiveness)
        // What was given up for good stays so, though more of it was on its way.
        if settings.probes, !missing.isEmpty { for file in files { missing[file] = nil } }
    }

    /// A piece made of its bytes did not verify.
    /// - Parameters:
    ///   - files: those that have bytes in the piece.
    ///   - reason: for a person.
    package mutating func badPiece(of files: Set<Int>, reason: String, at now: Double) {
        let isEcho = settings.probes && notBefore > now
        let reason = SourceReason(.wrongContent, reason)
        let limit = settings.probes ? 1 : settings.badPieces
        for file in conduct.badPiece(of: files, limit: limit) {
            lacks(file, reason, at: now)
            missing[file]?.isWrong = true
        }
        if ban != nil { return }
        trouble = reason
        if conduct.wrongInARow >= settings.wrongFiles {
            if settings.probes { isExhausted = true } else { ban = reason }
        }
        if !isEcho { backOff(atLeast: nil, at: now) }
    }

    /// A fetch ended with a problem.
    package mutating func failed(_ problem: WebSeedProblem, at now: Double) {
        // Fetches that run side by side fail together: that is one failure.
        let isEcho = settings.probes && notBefore > now
        switch problem {
        case .cancelled: return
        case .retry(let after, _):
            if !isEcho { backOff(atLeast: after, at: now) }
            if after == 0 { return }
        case .unreachable:
            if !isEcho { backOff(atLeast: nil, at: now) }
            isExhausted = true
        case .giveUp(nil, let reason):
            if settings.probes {
                isExhausted = true
                if !isEcho { backOff(atLeast: nil, at: now) }
            } else {
                ban = reason
            }
        case .giveUp(let file?, let reason), .wrongContent(let file, let reason):
            lacks(file, reason, at: now)
            return
        }
        trouble = problem.reason
    }

    private mutating func lacks(_ file: Int, _ reason: SourceReason, at now: Double) {
        var known = missing[file] ?? Missing(reason: reason)
        known.reason = reason
        if settings.probes, known.times == 0 || known.notBefore <= now {
            known.times += 1
            known.notBefore = now + delay(after: known.times)
        }
        missing[file] = known
        if !settings.probes, missing.count >= settings.missingFiles { ban = reason }
    }

    /// Waits the server's time if it named one, else a doubling one drawn from its upper half.
    private mutating func backOff(atLeast seconds: Double?, at now: Double) {
        fetchesAllowed = max(1, fetchesAllowed / 2)
        // A wait of nothing is for delays of our own, which say nothing against the source.
        guard seconds != 0 else { return }
        failures += 1
        let delay = delay(after: failures)
        notBefore = max(notBefore, now + max(delay, seconds ?? 0))
    }

    private mutating func delay(after failures: Int) -> Double {
        var ceiling = settings.retry
        for _ in 0..<min(failures, 64) where ceiling < settings.longestRetry { ceiling *= 2 }
        return min(ceiling, settings.longestRetry) * Double.random(in: 0.5...1, using: &random)
    }
}

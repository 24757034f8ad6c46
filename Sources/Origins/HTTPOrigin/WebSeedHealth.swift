import Text

/// Decides whether a web seed may be used, and how many fetches may run: a state machine without clock or I/O.
///
/// Times are seconds since any fixed moment. Failures cause a backoff that grows. A problem with a file (from the
/// response headers, or from bytes that fail verification) counts against that file only; other files are still
/// fetched. The owner reports events and asks before each fetch.
package struct WebSeedHealth: Sendable {
    /// Times in seconds.
    package struct Settings: Sendable, Hashable {
        /// First backoff after a failure; doubles up to the longest.
        package var retry = 2.0
        package var longestRetry = 600.0
        /// Number of bad pieces of a file after which the file is no longer requested. A source with probes is asked
        /// for it again later.
        package var badPieces = 3
        /// Number of good pieces of a file that cancel one bad piece.
        package var forgiveness = 500
        /// Number of files with bad pieces, without a good piece of any file between them, after which the source is
        /// banned.
        package var wrongFiles = 8
        /// Number of missing files after which the source is given up.
        package var missingFiles = 1_000
        /// Maximum number of simultaneous fetches.
        package var mostFetches = 4
        /// Never give up permanently: retry with a growing backoff, and use the source again when it answers. Until
        /// then ``WebSeedHealth/isExhausted`` is true.
        package var probes = false

        package init() {}
    }

    package enum State: Sendable, Hashable {
        case usable
        /// Not before this time.
        case waiting(until: Double)
        /// Never again; the text gives the reason.
        case banned(String)
    }

    private struct Missing: Sendable {
        var times = 0
        var notBefore = Double.infinity
        /// The file's bytes failed verification. Only a good piece clears this.
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
    /// Maximum number of simultaneous fetches: starts at one, grows with success, is halved after a failure.
    package private(set) var fetchesAllowed = 1

    /// - Parameter seed: seed for jitter; different on every node.
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

    /// Call when a fetch has succeeded.
    /// - Parameter now: as for ``answered(at:)``.
    package mutating func succeeded(at now: Double = .infinity) {
        guard notBefore <= now else { return }
        failures = 0
        fetchesAllowed = min(fetchesAllowed + 1, settings.mostFetches)
        answered()
    }

    /// Call when bytes have arrived: the source is usable again.
    /// - Parameter now: during a backoff, data that still arrives was requested before the failure and is no evidence
    ///   that the source has recovered.
    package mutating func answered(at now: Double = .infinity) {
        guard notBefore <= now else { return }
        trouble = nil
        isExhausted = false
    }

    /// Call when bytes of this file have arrived.
    package mutating func answered(file: Int) {
        if missing[file]?.isWrong == false { missing[file] = nil }
    }

    /// Files that the source did not deliver and that must not be requested now.
    package func missingFiles(at now: Double) -> Set<Int> {
        Set(missing.lazy.filter { $0.value.notBefore > now }.map(\.key))
    }

    /// Files that the source did not deliver when last asked, whether or not they may be requested again now.
    package var refusedFiles: Set<Int> { Set(missing.keys) }

    /// Why it does not give out a file; nil as far as is known.
    package func refusal(ofFile file: Int) -> SourceReason? { missing[file]?.reason }

    /// The next time at which a source or file that is backing off may be asked; nil if there is none.
    package func nextChange(after now: Double) -> Double? {
        let times = missing.values.map(\.notBefore) + [notBefore]
        return times.filter { $0 > now && $0 < .infinity }.min()
    }

    /// Call when a piece whose bytes all came from this source passed verification.
    /// - Parameter files: the files with bytes in the piece.
    package mutating func goodPiece(of files: Set<Int>) {
        conduct.goodPiece(of: files, forgiveness: settings.forgiveness)
        // Without probes, a file that was given up stays so, even if more of it was in flight.
        if settings.probes, !missing.isEmpty { for file in files { missing[file] = nil } }
    }

    /// Call when a piece from this source failed verification.
    /// - Parameters:
    ///   - files: the files with bytes in the piece.
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

    /// Call when a fetch ended with a problem.
    package mutating func failed(_ problem: WebSeedProblem, at now: Double) {
        // Simultaneous fetches fail together; they count as one failure.
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

    /// Waits for the time that the server named, or for a doubling backoff with jitter in its upper half.
    private mutating func backOff(atLeast seconds: Double?, at now: Double) {
        fetchesAllowed = max(1, fetchesAllowed / 2)
        // A wait of zero means that the delay was our own, which does not count against the source.
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

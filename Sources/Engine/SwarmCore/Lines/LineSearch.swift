private enum Constant {
    /// How much more has to come for further connections to stay.
    static let gain = 1.15
    /// What grows by less from one look to the next has found its rate.
    static let steady = 1.15
    /// Seconds of a look: at least so many, and so many round trips.
    static let look = 1.0
    static let roundTrips = 8.0
    /// Looks that new connections have to find their rate, and that it is then measured for.
    static let settling = 1.0
    static let measuring = 1.5
    /// Connections after the first step.
    static let first = 4
    /// Connections at once where loss keeps each down.
    static let lossy = 8
    /// Seconds before a peer that gained nothing is tried again; twice as many with each time.
    static let firstRetry = 30.0
    static let longestRetry = 300.0
    /// Seconds of the rate that have to be left to fetch.
    static let worthwhile = 4.0
}

/// How many connections to have to each peer at the end of a long line: it opens some more, looks whether more comes in
/// all, and takes them back if not.
///
/// One connection is as good as many where nothing is lost and buffers are large. On long lines either is often not so:
/// loss keeps each down, or what the system lets one have in flight is less than the line holds. What comes is counted
/// over all peers: a connection that only takes from others is no gain.
public struct LineSearch<Peer: Hashable & Sendable>: Sendable {
    /// A peer that gives us blocks and takes further connections.
    public struct Candidate: Sendable {
        public let peer: Peer
        /// Seconds, the least seen.
        public let roundTrip: Double
        /// Some of what it sends is lost on the way: that keeps each connection down, so a few are better than one.
        public let isLossy: Bool
        /// Those there are, the first included.
        public let lines: Int
        /// Those there may be.
        public let most: Int

        public init(peer: Peer, roundTrip: Double, isLossy: Bool, lines: Int, most: Int) {
            self.peer = peer
            self.roundTrip = roundTrip
            self.isLossy = isLossy
            self.lines = lines
            self.most = most
        }
    }

    public enum Step: Sendable, Equatable {
        /// So many more.
        case open(Peer, Int)
        /// So many fewer.
        case retire(Peer, Int)
    }

    private struct Trial {
        let peer: Peer
        let added: Int
        /// Bytes per second before.
        let before: Double
        let measuresFrom: Double
    }

    private struct Rest {
        var until: Double
        var next: Double
    }

    private var trial: Trial?
    private var resting: [Peer: Rest] = [:]
    private var mark: (bytes: Int64, at: Double)?
    private var lastRate: Double?

    public init() {}

    /// To be called a few times a second.
    /// - Parameters:
    ///   - candidates: those on long lines.
    ///   - received: bytes of blocks from all peers since the beginning.
    ///   - remaining: bytes to fetch.
    ///   - room: connections that may be opened in all.
    public mutating func look(
        _ candidates: [Candidate], received: Int64, remaining: Int64, room: Int, now: Double
    ) -> Step? {
        guard let longest = candidates.map(\.roundTrip).max() else {
            reset()
            return nil
        }
        if let lossy = candidates.first(where: { $0.isLossy && $0.lines < min(Constant.lossy, $0.most) }), room > 0,
            trial == nil, Double(remaining) > Constant.worthwhile * (lastRate ?? 0)
        {
            reset()
            return .open(lossy.peer, min(min(Constant.lossy, lossy.most) - lossy.lines, room))
        }
        let period = max(Constant.look, Constant.roundTrips * longest)
        if let trial {
            guard candidates.contains(where: { $0.peer == trial.peer }) else {
                reset()
                return nil
            }
            return judge(trial, received, period, now)
        }
        guard let rate = rate(received, over: period, now) else { return nil }
        defer { lastRate = rate }
        guard let lastRate, rate > 0, rate < Constant.steady * lastRate, Double(remaining) > rate * Constant.worthwhile
        else { return nil }
        return begin(candidates, rate, room, period, now)
    }

    public mutating func forget(_ peer: Peer) {
        resting[peer] = nil
        if trial?.peer == peer { reset() }
    }

    private mutating func reset() {
        trial = nil
        mark = nil
        lastRate = nil
    }

    /// - Returns: nil until `time` has passed since the last mark.
    private mutating func rate(_ received: Int64, over time: Double, _ now: Double) -> Double? {
        guard let (bytes, at) = mark else {
            mark = (received, now)
            return nil
        }
        guard now - at >= time else { return nil }
        mark = (received, now)
        return Double(received - bytes) / (now - at)
    }

    private mutating func begin(
        _ candidates: [Candidate], _ rate: Double, _ room: Int, _ period: Double, _ now: Double
    ) -> Step? {
        let able = candidates.filter { $0.lines < $0.most && now >= resting[$0.peer]?.until ?? now }
        // Those with fewest first, and the longest line of these.
        guard let chosen = able.min(by: { ($0.lines, -$0.roundTrip) < ($1.lines, -$1.roundTrip) }) else { return nil }
        let wanted = chosen.lines < Constant.first ? Constant.first - chosen.lines : chosen.lines
        let count = min(wanted, chosen.most - chosen.lines, room)
        guard count > 0 else { return nil }
        trial = Trial(peer: chosen.peer, added: count, before: rate, measuresFrom: now + Constant.settling * period)
        mark = nil
        return .open(chosen.peer, count)
    }

    private mutating func judge(_ trial: Trial, _ received: Int64, _ period: Double, _ now: Double) -> Step? {
        guard now >= trial.measuresFrom, let rate = rate(received, over: Constant.measuring * period, now) else {
            return nil
        }
        self.trial = nil
        lastRate = rate
        if rate >= Constant.gain * trial.before {
            resting[trial.peer] = nil
            return nil
        }
        let wait = resting[trial.peer]?.next ?? Constant.firstRetry
        resting[trial.peer] = Rest(until: now + wait, next: min(Constant.longestRetry, 2 * wait))
        return .retire(trial.peer, trial.added)
    }
}

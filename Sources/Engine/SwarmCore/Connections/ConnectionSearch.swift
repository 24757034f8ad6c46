private enum Constant {
    /// The factor by which the total rate must grow for further connections to stay.
    static let gain = 1.15
    /// A rate has stabilised if it grows by less than this factor between two looks.
    static let steady = 1.15
    /// Seconds between two looks: at least this, and at least this many round trips.
    static let look = 1.0
    static let roundTrips = 8.0
    /// Looks for new connections to reach their rate, and looks for measuring it then.
    static let settling = 1.0
    static let measuring = 1.5
    /// Number of connections after the first step.
    static let first = 4
    /// Number of connections opened at once if packet loss slows each connection down.
    static let lossy = 8
    /// Backoff, in seconds, before more connections are tried again for a peer that gained nothing. Doubles each time.
    static let firstRetry = 30.0
    static let longestRetry = 300.0
    /// Minimum remaining download, in seconds at the current rate.
    static let worthwhile = 4.0
}

/// Decides how many connections to have to each peer at the end of a long path. It opens some more, measures whether
/// the total download rate grows, and closes them if it does not.
///
/// Without loss, and with large buffers, one connection is as good as many. On long paths either is often missing: loss
/// slows each connection down, or the system allows less data in flight than the path can hold. The rate is that of all
/// peers together: a connection that only takes bandwidth from others is no gain.
public struct ConnectionSearch<Peer: Hashable & Sendable>: Sendable {
    /// A peer that uploads to us and accepts further connections.
    public struct Candidate: Sendable {
        public let peer: Peer
        /// Minimum round trip in seconds.
        public let roundTrip: Double
        /// Whether packets of the peer are lost on the path. Loss slows each connection down, so a few connections are
        /// better than one.
        public let isLossy: Bool
        /// Number of open connections, including the first.
        public let connections: Int
        /// Maximum number of connections.
        public let most: Int

        public init(peer: Peer, roundTrip: Double, isLossy: Bool, connections: Int, most: Int) {
            self.peer = peer
            self.roundTrip = roundTrip
            self.isLossy = isLossy
            self.connections = connections
            self.most = most
        }
    }

    public enum Step: Sendable, Equatable {
        /// Open this many more connections to the peer.
        case open(Peer, Int)
        /// Close this many connections to the peer.
        case retire(Peer, Int)
    }

    private struct Trial {
        let peer: Peer
        let added: Int
        /// Total rate before the trial, in bytes per second.
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

    /// Call a few times a second.
    /// - Parameters:
    ///   - candidates: peers on long paths.
    ///   - received: bytes of blocks from all peers since the beginning.
    ///   - remaining: bytes left to download.
    ///   - room: number of connections that may still be opened for the torrent.
    public mutating func look(
        _ candidates: [Candidate], received: Int64, remaining: Int64, room: Int, now: Double
    ) -> Step? {
        guard let longest = candidates.map(\.roundTrip).max() else {
            reset()
            return nil
        }
        if let lossy = candidates.first(where: { $0.isLossy && $0.connections < min(Constant.lossy, $0.most) }),
            room > 0,
            trial == nil, Double(remaining) > Constant.worthwhile * (lastRate ?? 0)
        {
            reset()
            return .open(lossy.peer, min(min(Constant.lossy, lossy.most) - lossy.connections, room))
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
        let able = candidates.filter { $0.connections < $0.most && now >= resting[$0.peer]?.until ?? now }
        // The peer with the fewest connections; of several, the one with the longest round trip.
        guard let chosen = able.min(by: { ($0.connections, -$0.roundTrip) < ($1.connections, -$1.roundTrip) }) else {
            return nil
        }
        let wanted = chosen.connections < Constant.first ? Constant.first - chosen.connections : chosen.connections
        let count = min(wanted, chosen.most - chosen.connections, room)
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

/// Judges a download while it runs, from what was seen in each interval of a second or so.
///
/// The bound is that of one file to N hosts (Kumar, Ross 2006; here as a rate): the least of the seeds' uplinks, of
/// the receiver's downlink, of all uplinks over all receivers, and of what its disk and its processors are measured to
/// do. Who joins when others are ahead is bound by its downlink and by all uplinks only. What was not told is unknown
/// and bounds nothing.
public struct EfficiencyGauge: Sendable {
    /// What was seen in an interval.
    public struct Observation: Sendable {
        /// Its length in seconds.
        public var seconds: Double
        /// Bytes of content that came.
        public var received: Int64
        /// Seconds that worker threads spent, all together, and how many threads there are.
        public var hashing = 0.0
        public var writing = 0.0
        public var workers = 1
        public var supply = Supply()
        /// Bytes per second that this host may fetch, and those it can send; nil when unknown.
        public var downlink: Double?
        public var uplink: Double?

        public init(seconds: Double, received: Int64) {
            self.seconds = seconds
            self.received = received
        }
    }

    /// A worker pool that is busy for more than this share of the time is what the transfer waits for.
    private static let busyShare = 0.85
    /// A line that is full to this share is full: bytes go in bursts.
    private static let fullShare = 0.9
    /// Who meets somebody with more than this share of what it lacks has come late.
    private static let lateShare = 0.1
    /// Who comes as near as this to the least of the limits is held by it.
    private static let nearShare = 0.8

    private var seconds = 0.0
    private var received: Int64 = 0
    private var hashing = 0.0
    private var writing = 0.0
    private var workers = 1
    private var downlink: Double?
    /// Of each limit, the seconds that it held the transfer back.
    private var held: [Double] = Array(repeating: 0, count: Efficiency.Limit.allCases.count)
    private var seedUplink: Double??
    private var allUplinks: Double??
    private var receivers = 1
    /// Others were ahead when we first saw them.
    private var isLate: Bool?

    public init() {}

    /// Takes an interval into account. Those before the first source was there count as waiting.
    public mutating func observe(_ seen: Observation) {
        guard seen.seconds > 0 else { return }
        seconds += seen.seconds
        received += seen.received
        hashing += seen.hashing
        writing += seen.writing
        workers = max(1, seen.workers)
        downlink = seen.downlink
        let supply = seen.supply
        if supply.seeds + supply.leechers > 0 {
            if isLate == nil { isLate = supply.mostAhead > Self.lateShare }
            // Seeds leave and receivers become seeds: what counts is what was there at the best time.
            if supply.seeds > 0, isLate == false { keep(&seedUplink, supply.seedUplink) }
            receivers = max(receivers, supply.leechers + 1)
            keep(&allUplinks, total(supply.seedUplink, supply.leecherUplink, seen.uplink))
        }
        if let index = Efficiency.Limit.allCases.firstIndex(of: limit(seen)) { held[index] += seen.seconds }
    }

    /// The judgement so far; nil before anything was seen.
    public var reading: Efficiency? {
        guard seconds > 0 else { return nil }
        var known: [(limit: Efficiency.Limit, rate: Double)] = []
        var unknown: [Efficiency.Limit] = []
        func take(_ value: Double?, _ limit: Efficiency.Limit) {
            if let value { known.append((limit, value)) } else { unknown.append(limit) }
        }
        if isLate != true { take(seedUplink ?? nil, .seedUplink) }
        let share = isLate == true ? 1 : Double(receivers)
        take((allUplinks ?? nil).map { $0 / share }, .sumOfUplinks)
        take(downlink, .receiverDownlink)
        // Too little to judge by, from the first piece or two.
        if hashing > 0.01 {
            known.append((machineLimit(hashing, writing), Double(received) * Double(workers) / (hashing + writing)))
        }
        let achieved = Double(received) / seconds
        let least = known.min { $0.rate < $1.rate }
        let waited = held.indices.max { held[$0] < held[$1] }.map { Efficiency.Limit.allCases[$0] }
        let isNear = least.map { achieved >= Self.nearShare * $0.rate } ?? false
        let starving = Efficiency.Limit.allCases.firstIndex(of: .noSource).map { held[$0] / seconds } ?? 0
        return Efficiency(
            achieved: achieved, bound: least?.rate, limit: isNear ? least?.limit : waited, starved: starving,
            unknown: unknown)
    }

    private func machineLimit(_ hashing: Double, _ writing: Double) -> Efficiency.Limit {
        writing > hashing ? .disk : .hashing
    }

    private func limit(_ seen: Observation) -> Efficiency.Limit {
        let capacity = seen.seconds * Double(max(1, seen.workers))
        if seen.hashing + seen.writing > Self.busyShare * capacity {
            return machineLimit(seen.hashing, seen.writing)
        }
        if let downlink = seen.downlink, Double(seen.received) / seen.seconds >= Self.fullShare * downlink {
            return .receiverDownlink
        }
        guard seen.supply.isOffered || seen.received > 0 else { return .noSource }
        return seen.supply.mostAhead > 0 ? .sumOfUplinks : .seedUplink
    }

    private func keep(_ best: inout Double??, _ now: Double?) {
        if let old = best ?? nil, let now { best = max(old, now) } else { best = .some(now ?? best ?? nil) }
    }

    /// Nil when one of them is.
    private func total(_ values: Double?...) -> Double? {
        var sum = 0.0
        for value in values {
            guard let value else { return nil }
            sum += value
        }
        return sum
    }
}

/// Estimates the efficiency of a download from observations of about one second each.
///
/// The bound is that of distributing one file to N hosts (Kumar, Ross 2006; here as a rate): the minimum of the seeds'
/// uplinks, the receiver's downlink, all uplinks divided by the number of receivers, and the measured speed of its disk
/// and processors. A receiver that joins when others are ahead is bound only by its downlink and by all uplinks.
/// Unknown values do not limit the bound.
public struct EfficiencyGauge: Sendable {
    /// What happened in one interval.
    public struct Observation: Sendable {
        /// Length of the interval in seconds.
        public var seconds: Double
        /// Bytes of content received.
        public var received: Int64
        /// Seconds of work by all worker threads together, and the number of threads.
        public var hashing = 0.0
        public var writing = 0.0
        public var workers = 1
        public var supply = Supply()
        /// The limits of this host's downlink and uplink, in bytes per second; nil if unknown.
        public var downlink: Double?
        public var uplink: Double?

        public init(seconds: Double, received: Int64) {
            self.seconds = seconds
            self.received = received
        }
    }

    /// Above this share of busy time, the worker pool is the limit.
    private static let busyShare = 0.85
    /// Above this share of its capacity, a downlink counts as full, because data comes in bursts.
    private static let fullShare = 0.9
    /// A receiver joined late if some other receiver has more than this share of what it is missing.
    private static let lateShare = 0.1
    /// A transfer is limited by the lowest bound if it reaches this share of it.
    private static let nearShare = 0.8

    private var seconds = 0.0
    private var received: Int64 = 0
    private var hashing = 0.0
    private var writing = 0.0
    private var workers = 1
    private var downlink: Double?
    /// For each limit, the seconds in which it limited the transfer.
    private var held: [Double] = Array(repeating: 0, count: Efficiency.Limit.allCases.count)
    private var seedUplink: Double??
    private var allUplinks: Double??
    private var receivers = 1
    /// Whether other receivers were ahead when we first saw them.
    private var isLate: Bool?

    public init() {}

    /// Adds an observation. Time before the first source was connected counts as waiting.
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
            // Seeds leave and receivers become seeds, so the best value over time counts.
            if supply.seeds > 0, isLate == false { keep(&seedUplink, supply.seedUplink) }
            receivers = max(receivers, supply.leechers + 1)
            keep(&allUplinks, total(supply.seedUplink, supply.leecherUplink, seen.uplink))
        }
        if let index = Efficiency.Limit.allCases.firstIndex(of: limit(seen)) { held[index] += seen.seconds }
    }

    /// The estimate so far; nil before the first observation.
    public var reading: Efficiency? {
        guard seconds > 0 else { return nil }
        var known: [(limit: Efficiency.Limit, rate: Double)] = []
        var unknown: [Efficiency.Limit] = []
        func add(_ value: Double?, _ limit: Efficiency.Limit) {
            if let value { known.append((limit, value)) } else { unknown.append(limit) }
        }
        if isLate != true { add(seedUplink ?? nil, .seedUplink) }
        let share = isLate == true ? 1 : Double(receivers)
        add((allUplinks ?? nil).map { $0 / share }, .sumOfUplinks)
        add(downlink, .receiverDownlink)
        // Less than this, from the first piece or two, is too little data.
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

    /// The sum of the values; nil if one of them is nil.
    private func total(_ values: Double?...) -> Double? {
        var sum = 0.0
        for value in values {
            guard let value else { return nil }
            sum += value
        }
        return sum
    }
}

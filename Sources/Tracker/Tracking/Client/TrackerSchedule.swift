import Text

/// Decides which tracker to announce to and when, for one torrent (BEP 12): a state machine without clock or I/O.
///
/// Every method takes the time (seconds since any fixed moment, never decreasing) and returns actions. Tiers run in
/// parallel, each with at most one outstanding announce. Inside a tier, trackers are in shuffled order. A tracker that
/// responds moves to the front. If one fails, the next is tried at once, and the failed one again after a doubling
/// backoff. Every tracker that knows this node gets `completed` and `stopped`, each until it has responded once.
public struct TrackerSchedule: Sendable {
    /// An action for the owner of the schedule.
    public enum Action: Sendable, Hashable {
        /// Announce, and report the outcome with `succeeded` or `failed`.
        case announce(Announce)
        /// Call `wokeUp` at this time. Replaces any earlier wake-up. At most one, and the last action.
        case wakeUp(at: Double)
    }

    /// An announce to make.
    public struct Announce: Sendable, Hashable {
        /// Identifies this announce when its outcome is reported; never reused.
        public let id: UInt64
        /// Index of the tracker, for state that belongs to it (such as its `tracker id`).
        public let tracker: Int
        public let url: String
        public let event: AnnounceEvent
        /// Number of peers to ask for.
        public let numWant: Int
    }

    struct Tracker: Sendable {
        let url: String
        /// Has responded to a `started`: it lists this node as a peer until `stopped`.
        var knowsUs = false
        /// Must still be told that the download is complete.
        var owesCompleted = false
        /// Has been told `stopped`, or need not be.
        var isDone = false
        var hasAnswered = false
        /// Failures since the last response.
        var failures = 0
        /// No announce before this time, because of backoff or a request by the tracker. Infinite: never again.
        var notBefore = -Double.infinity
        /// Time of the next regular announce, and the earliest time at which the tracker accepts one.
        var due = -Double.infinity
        var earliest = -Double.infinity
        var underWay: Announce?
    }

    struct Tier: Sendable {
        /// Indices of trackers, the preferred one first.
        var order: [Int]
    }

    enum Phase: Sendable {
        case idle, running
        case stopping(until: Double)
        case stopped
    }

    let settings: TrackerScheduleSettings
    var random: SeededGenerator
    var trackers: [Tracker] = []
    var tiers: [Tier] = []
    var phase = Phase.idle
    var lastID: UInt64 = 0
    var peersWanted: Int
    var needsPeers = false
    var isComplete = false
    /// URLs that are not used: unsupported scheme, invalid, or beyond the limits. For a warning to the user.
    public private(set) var ignored: [String] = []

    /// - Parameters:
    ///   - tiers: URLs as in the torrent. Duplicates are dropped.
    ///   - seed: seed for shuffling and jitter; different on every node.
    ///   - peersWanted: number of peers to ask for in each announce, until `setPeers` changes it.
    public init(
        tiers given: [[String]], settings: TrackerScheduleSettings = .standard, seed: UInt64, peersWanted: Int = 50
    ) {
        self.settings = settings
        self.peersWanted = peersWanted
        random = SeededGenerator(seed: seed)
        var seen = Set<String>()
        for urls in given {
            var order: [Int] = []
            for url in urls where seen.insert(url).inserted {
                let hasRoom = trackers.count < settings.trackers && tiers.count < settings.tiers
                guard hasRoom, TrackerURL(url) != nil else {
                    ignored.append(url)
                    continue
                }
                order.append(trackers.count)
                trackers.append(Tracker(url: url))
            }
            if !settings.keepsOrder { order.shuffle(using: &random) }
            if !order.isEmpty { tiers.append(Tier(order: order)) }
        }
    }

    /// Whether every tracker that knows this node has been told `stopped` or given up on.
    public var isStopped: Bool { if case .stopped = phase { true } else { false } }

    /// Starts: sends `started` to the first tracker of every tier.
    public mutating func start(at now: Double) -> [Action] {
        guard case .idle = phase else { return [] }
        phase = .running
        return decide(at: now)
    }

    /// Call when a tracker has responded. A report of an announce that is not outstanding is ignored.
    public mutating func succeeded(_ id: UInt64, answer: AnnounceAnswer, at now: Double) -> [Action] {
        guard let index = trackers.firstIndex(where: { $0.underWay?.id == id }), let announce = trackers[index].underWay
        else { return [] }
        trackers[index].underWay = nil
        trackers[index].failures = 0
        trackers[index].hasAnswered = true
        trackers[index].notBefore = -.infinity
        switch announce.event {
        case .started: trackers[index].knowsUs = true
        case .completed: trackers[index].owesCompleted = false
        case .stopped: trackers[index].isDone = true
        case .none, .paused: break
        }
        let soonest = answer.minInterval ?? min(settings.earlyInterval, answer.interval)
        let spread = Double.random(in: 0...1, using: &random) * settings.spread
        trackers[index].earliest = now + soonest
        trackers[index].due = now + max(answer.interval * (1 - spread), soonest)
        promote(index)
        return decide(at: now)
    }

    /// Call when an announce has failed: no response, or a refusal with the tracker's retry hint.
    public mutating func failed(
        _ id: UInt64, refusal: TrackerAnswerError.Retry? = nil, at now: Double
    ) -> [Action] {
        guard let index = trackers.firstIndex(where: { $0.underWay?.id == id }), let announce = trackers[index].underWay
        else { return [] }
        trackers[index].underWay = nil
        if announce.event == .stopped { trackers[index].isDone = true }
        // We assume that a failed `started` was not received: the next one contains everything.
        if !trackers[index].knowsUs { trackers[index].owesCompleted = false }
        trackers[index].failures += 1
        trackers[index].notBefore = now + delay(of: trackers[index], isRefusal: refusal != nil)
        switch refusal {
        case .after(let seconds): trackers[index].notBefore = max(trackers[index].notBefore, now + seconds)
        case .never: trackers[index].notBefore = .infinity
        case .unsaid, nil: break
        }
        return decide(at: now)
    }

    /// Call when the download is complete. Trackers that knew this node as a leecher are told once.
    public mutating func completed(at now: Double) -> [Action] {
        guard case .running = phase, !isComplete else { return [] }
        isComplete = true
        for index in trackers.indices where trackers[index].knowsUs || trackers[index].underWay?.event == .started {
            trackers[index].owesCompleted = true
        }
        return decide(at: now)
    }

    /// Sets the number of peers to ask for, and whether they are needed before the next regular announce. If so,
    /// trackers are asked as early as their minimum interval allows.
    public mutating func setPeers(wanted: Int, needed: Bool, at now: Double) -> [Action] {
        peersWanted = wanted
        needsPeers = needed
        guard case .running = phase else { return [] }
        return decide(at: now)
    }

    /// Sends `stopped` to every tracker that knows this node: at once if no announce is outstanding, else after it, but
    /// within `stopGrace` from now. There are no retries.
    public mutating func stop(at now: Double) -> [Action] {
        switch phase {
        case .stopping, .stopped: return []
        case .idle, .running: break
        }
        phase = .stopping(until: now + settings.stopGrace)
        for index in trackers.indices where !trackers[index].knowsUs && trackers[index].underWay == nil {
            trackers[index].isDone = true
        }
        return decide(at: now)
    }

    /// Call at the time of the last `wakeUp`. Early and additional calls are harmless.
    public mutating func wokeUp(at now: Double) -> [Action] { decide(at: now) }

    /// Moves a tracker to the front of its tier (BEP 12).
    private mutating func promote(_ tracker: Int) {
        if settings.keepsOrder { return }
        for tier in tiers.indices {
            guard let place = tiers[tier].order.firstIndex(of: tracker) else { continue }
            tiers[tier].order.remove(at: place)
            tiers[tier].order.insert(tracker, at: 0)
        }
    }

    /// Backoff in seconds: doubles, with jitter in its upper half, so that the nodes of a fleet do not return together.
    private mutating func delay(of tracker: Tracker, isRefusal: Bool) -> Double {
        let first = tracker.hasAnswered || isRefusal ? settings.retry : settings.startupRetry
        var ceiling = first
        for _ in 0..<min(tracker.failures, 64) where ceiling < settings.longestRetry { ceiling *= 2 }
        return min(ceiling, settings.longestRetry) * Double.random(in: 0.5...1, using: &random)
    }
}

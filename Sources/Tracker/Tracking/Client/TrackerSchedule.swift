import Text

/// Which tracker to ask when, for one torrent (BEP 12): a machine without clock or socket.
///
/// Every method takes the time (seconds since any fixed moment, never running backwards) and returns what to do. Tiers
/// run side by side, each with one announce under way at most. Inside a tier trackers stand in shuffled order; one that
/// answers moves to the front, one that fails is passed over at once for the next, and tried again after a delay that
/// doubles. Every tracker that has heard of this node hears `completed` and `stopped`, each until it has answered once.
public struct TrackerSchedule: Sendable {
    /// What the owner of the schedule is to do.
    public enum Action: Sendable, Hashable {
        /// Announce, and report the outcome with `succeeded` or `failed`.
        case announce(Announce)
        /// Call `wokeUp` at this time. It replaces any wake-up asked for before; at most one, and the last action.
        case wakeUp(at: Double)
    }

    /// An announce to be made.
    public struct Announce: Sendable, Hashable {
        /// Names this announce in the report of its outcome; never used twice.
        public let id: UInt64
        /// Index of the tracker, to keep what belongs to it (its `tracker id`, say).
        public let tracker: Int
        public let url: String
        public let event: AnnounceEvent
        /// Peers to ask for.
        public let numWant: Int
    }

    struct Tracker: Sendable {
        let url: String
        /// Has answered a `started`: it counts this node among its peers until `stopped`.
        var knowsUs = false
        /// Must still be told that the download is complete.
        var owesCompleted = false
        /// Has been told `stopped`, or need not be.
        var isDone = false
        var hasAnswered = false
        /// Failures since the last answer.
        var failures = 0
        /// No announce before this time: backing off, or asked to. Infinite: refused for good.
        var notBefore = -Double.infinity
        /// When it wants to hear of us next, and the earliest moment it would take us back.
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
    /// URLs left out: of a scheme that is not spoken here, unreadable, or beyond the limits. For a warning to the user.
    public private(set) var ignored: [String] = []

    /// - Parameters:
    ///   - tiers: URLs as the torrent has them. A URL that stands twice counts once.
    ///   - seed: for shuffling and jitter; different on every node.
    ///   - peersWanted: peers to ask for in each announce, until `setPeers` says otherwise.
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
            order.shuffle(using: &random)
            if !order.isEmpty { tiers.append(Tier(order: order)) }
        }
    }

    /// Whether every tracker that knows this node has been told `stopped` or given up on.
    public var isStopped: Bool { if case .stopped = phase { true } else { false } }

    /// Begins: `started` to the first tracker of every tier.
    public mutating func start(at now: Double) -> [Action] {
        guard case .idle = phase else { return [] }
        phase = .running
        return decide(at: now)
    }

    /// A tracker answered. A report of an announce that is not under way is ignored.
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

    /// An announce came to nothing: no answer, or a refusal, for which `retry` says what the tracker wishes.
    public mutating func failed(
        _ id: UInt64, refusal: TrackerAnswerError.Retry? = nil, at now: Double
    ) -> [Action] {
        guard let index = trackers.firstIndex(where: { $0.underWay?.id == id }), let announce = trackers[index].underWay
        else { return [] }
        trackers[index].underWay = nil
        if announce.event == .stopped { trackers[index].isDone = true }
        // A `started` that failed was, as far as we know, not heard: the next one says it all.
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

    /// The download is complete: trackers that knew this node as a leecher are told, once.
    public mutating func completed(at now: Double) -> [Action] {
        guard case .running = phase, !isComplete else { return [] }
        isComplete = true
        for index in trackers.indices where trackers[index].knowsUs || trackers[index].underWay?.event == .started {
            trackers[index].owesCompleted = true
        }
        return decide(at: now)
    }

    /// How many peers to ask for from now on, and whether they are needed before the next regular announce: then the
    /// trackers are asked as early as their minimum interval allows.
    public mutating func setPeers(wanted: Int, needed: Bool, at now: Double) -> [Action] {
        peersWanted = wanted
        needsPeers = needed
        guard case .running = phase else { return [] }
        return decide(at: now)
    }

    /// Tells every tracker that knows this node `stopped`: at once where nothing is under way, else after that, but no
    /// later than `stopGrace` from now. There are no retries.
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

    /// The time asked for with `wakeUp` has come. Early and needless calls do no harm.
    public mutating func wokeUp(at now: Double) -> [Action] { decide(at: now) }

    /// Moves a tracker to the front of its tier (BEP 12).
    private mutating func promote(_ tracker: Int) {
        for tier in tiers.indices {
            guard let place = tiers[tier].order.firstIndex(of: tracker) else { continue }
            tiers[tier].order.remove(at: place)
            tiers[tier].order.insert(tracker, at: 0)
        }
    }

    /// Seconds until the next try: doubling, drawn from the upper half, so that a fleet does not come back as one.
    private mutating func delay(of tracker: Tracker, isRefusal: Bool) -> Double {
        let first = tracker.hasAnswered || isRefusal ? settings.retry : settings.startupRetry
        var ceiling = first
        for _ in 0..<min(tracker.failures, 64) where ceiling < settings.longestRetry { ceiling *= 2 }
        return min(ceiling, settings.longestRetry) * Double.random(in: 0.5...1, using: &random)
    }
}

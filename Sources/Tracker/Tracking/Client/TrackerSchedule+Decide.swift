extension TrackerSchedule {
    /// Everything that is due now, and when to check again.
    mutating func decide(at now: Double) -> [Action] {
        switch phase {
        case .idle, .stopped: return []
        case .running: return decideRunning(at: now)
        case .stopping(let until): return decideStopping(at: now, until: until)
        }
    }

    private mutating func decideRunning(at now: Double) -> [Action] {
        var actions: [Action] = []
        var next = Double.infinity
        for tier in tiers {
            guard !tier.order.contains(where: { trackers[$0].underWay != nil }) else { continue }
            if let (index, event) = dueAnnounce(in: tier, at: now) {
                actions.append(announce(index, event))
            } else {
                next = min(next, nextMoment(of: tier, after: now))
            }
        }
        if next.isFinite { actions.append(.wakeUp(at: next)) }
        return actions
    }

    /// The announce that a tier without an outstanding announce should make now, if any.
    private func dueAnnounce(in tier: Tier, at now: Double) -> (Int, AnnounceEvent)? {
        let ready = tier.order.filter { trackers[$0].notBefore <= now }
        if let owing = ready.first(where: { trackers[$0].owesCompleted && trackers[$0].knowsUs }) {
            return (owing, .completed)
        }
        // The tier follows its preferred ready tracker: while that one is not due, the others are not asked.
        guard let index = ready.first, wantedAt(index) <= now else { return nil }
        return (index, trackers[index].knowsUs ? .none : .started)
    }

    /// Time at which a tracker should be asked again, without considering backoff.
    private func wantedAt(_ index: Int) -> Double {
        needsPeers ? min(trackers[index].due, trackers[index].earliest) : trackers[index].due
    }

    /// Next time at which a tier with nothing due may have something due.
    private func nextMoment(of tier: Tier, after now: Double) -> Double {
        var next = Double.infinity
        var hasReady = false
        for index in tier.order {
            let tracker = trackers[index]
            if tracker.notBefore > now {
                // A preferred tracker that recovers takes over when it is due. One that is owed an announce is asked at
                // once.
                if !hasReady || (tracker.owesCompleted && tracker.knowsUs) { next = min(next, tracker.notBefore) }
            } else if !hasReady {
                next = min(next, max(wantedAt(index), now))
                hasReady = true
            }
        }
        return next
    }

    private mutating func decideStopping(at now: Double, until: Double) -> [Action] {
        var actions: [Action] = []
        var isWaiting = false
        for index in trackers.indices where !trackers[index].isDone {
            let tracker = trackers[index]
            let isLate = now >= until
            if let underWay = tracker.underWay {
                if underWay.event == .stopped {
                    isWaiting = true
                } else if isLate {
                    // Its outcome no longer matters. The tracker may have received it, so `stopped` must follow.
                    actions.append(announce(index, .stopped))
                } else {
                    isWaiting = true
                }
            } else if !tracker.knowsUs {
                trackers[index].isDone = true
            } else if tracker.owesCompleted && tracker.notBefore <= now && !isLate {
                actions.append(announce(index, .completed))
            } else {
                actions.append(announce(index, .stopped))
            }
        }
        if actions.isEmpty && !isWaiting { phase = .stopped }
        if !isStopped && now < until { actions.append(.wakeUp(at: until)) }
        return actions
    }

    private mutating func announce(_ index: Int, _ event: AnnounceEvent) -> Action {
        lastID += 1
        let wanted = event == .stopped ? 0 : min(max(peersWanted, 0), settings.mostPeersWanted)
        let announce = Announce(
            id: lastID, tracker: index, url: trackers[index].url, event: event, numWant: wanted)
        trackers[index].underWay = announce
        return .announce(announce)
    }
}

extension TrackerSchedule {
    /// The state of one tracker, for a person.
    public struct Status: Sendable, Hashable {
        public enum State: Sendable, Hashable {
            /// Not asked yet.
            case idle
            case announcing
            /// Has responded; the next announce is at this time.
            case working(next: Double)
            /// Number of consecutive failures; not tried before this time.
            case failing(count: Int, until: Double)
            /// Has asked never to be contacted again.
            case refusedForGood
        }

        public let url: String
        /// Counted from 0.
        public let tier: Int
        public let state: State
    }

    /// All trackers, tier by tier in their current order.
    public var status: [Status] {
        tiers.enumerated().flatMap { tier, content in
            content.order.map { Status(url: trackers[$0].url, tier: tier, state: state(of: trackers[$0])) }
        }
    }

    private func state(of tracker: Tracker) -> Status.State {
        if tracker.underWay != nil { return .announcing }
        if tracker.notBefore == .infinity { return .refusedForGood }
        if tracker.failures > 0 { return .failing(count: tracker.failures, until: tracker.notBefore) }
        return tracker.hasAnswered ? .working(next: tracker.due) : .idle
    }
}

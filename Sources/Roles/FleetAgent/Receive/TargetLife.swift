import Fleet

/// The state machine of a job on a target, from the offer to the end of seeding. It decides; ``TargetRunner`` acts.
///
/// Invariants: nothing is published before the order to switch. A hook starts at most once in an attempt. After a
/// restart, the last report is repeated, until the job is over.
package struct TargetLife: Sendable, Hashable {
    package enum Stage: String, Sendable, Hashable, CaseIterable {
        /// Waits until it may receive, or receives.
        case receiving
        /// The content is verified and durable, but not published.
        case delivered
        /// The content is published.
        case switched
        /// The hook runs, or is about to start.
        case hook
        /// The outcome is known. The content may still be seeded.
        case ended
    }

    package enum Outcome: Sendable, Hashable {
        case done
        case failed(code: String, again: Bool)
        case refused(key: String)
        case hookUnknown
        case cancelled
    }

    package internal(set) var stage = Stage.receiving
    package internal(set) var attempt: Int64
    package internal(set) var isPaused = false
    /// It has been reported that the transfer has begun.
    package internal(set) var hasBegun = false
    package internal(set) var hasContent = false
    package internal(set) var isVisible = false
    package internal(set) var maySwitch = false
    /// When to switch, in seconds since 1970 by control's clock; nil for at once.
    package internal(set) var moment: Double?
    package internal(set) var outcome: Outcome?
    /// Control has ended the job for all nodes.
    package internal(set) var isOver = false
    let hasHook: Bool
    /// Whether the host is a cache for this job, which publishes nothing.
    let isCache: Bool
    /// Seconds for which a cache keeps and seeds the content after the job has ended.
    let seedTime: Double
    /// For a cache of a job that has ended: until when it keeps the content, in seconds since 1970 by control's clock.
    package internal(set) var keptUntil: Double?

    package init(attempt: Int64, hasHook: Bool, isCache: Bool, seedTime: Double = 0) {
        self.attempt = attempt
        self.hasHook = hasHook && !isCache
        self.isCache = isCache
        self.seedTime = seedTime
    }

    package enum Event: Sendable, Hashable {
        /// Control has offered the job again.
        case offered(attempt: Int64)
        case bytesCome
        /// The transfer cannot go on now.
        case waits(TargetState.WaitReason)
        /// The whole content is here, verified and durable.
        case arrived
        case mayNotReceive(key: String)
        case order(Order)
        /// The content has been published.
        case published
        case hookEnded(HookEnding, retry: [Int])
        case failed(code: String, again: Bool)
        /// The agent has started, so the last report may be lost.
        case resumed
        case time
    }

    package enum Order: Sendable, Hashable {
        case switches(at: Double?)
        case pause, resume, cancel, end
    }

    package enum Action: Sendable, Hashable {
        case report(JobMachine.Report)
        /// Publish the content now.
        case publish
        case startHook(attempt: Int64)
        /// Delete content that is not published.
        case discard
        /// Leave complete content that is not published where it is: another attempt, or another job, may still want it.
        case keep
        /// Stop transferring and seeding. Data on the disk is kept.
        case stop
        /// The job is over: only its outcome must be kept.
        case close
    }

    /// - Parameter now: control's time, in seconds since 1970.
    package mutating func handle(_ event: Event, at now: Double) -> [Action] {
        switch event {
        case .offered(let attempt): return offered(attempt, now)
        case .bytesCome:
            guard stage == .receiving, !hasBegun else { return [] }
            hasBegun = true
            return [.report(.receiving)]
        case .waits(let reason):
            guard stage == .receiving else { return [] }
            hasBegun = false
            return [.report(.waiting(reason))]
        case .arrived:
            guard stage == .receiving else { return [] }
            hasContent = true
            if isCache { return end(.done) }
            stage = .delivered
            return [.report(.delivered)] + follow(now)
        case .mayNotReceive(let key): return stage == .ended ? [] : end(.refused(key: key))
        case .order(let order): return obey(order, now)
        case .published:
            guard stage == .receiving || stage == .delivered else { return [] }
            hasContent = true
            isVisible = true
            stage = .switched
            return [.report(.switched)] + follow(now)
        case .hookEnded(let ending, let retry):
            guard stage == .hook else { return [] }
            switch ending {
            case .exited(0): return end(.done)
            case .exited(let status):
                return end(.failed(code: "hook_exit_\(status)", again: retry.contains(Int(status))))
            case .killed(let signal): return end(.failed(code: "hook_signal_\(signal)", again: false))
            case .timedOut: return end(.failed(code: "hook_timeout", again: false))
            case .notStarted: return end(.failed(code: "hook_not_started", again: false))
            case .unknown: return end(.hookUnknown)
            }
        case .failed(let code, let again): return stage == .ended ? [] : end(.failed(code: code, again: again))
        case .resumed: return said + follow(now)
        case .time:
            if let keptUntil, stage == .ended, now >= keptUntil {
                isOver = true
                return over()
            }
            return follow(now)
        }
    }

    private mutating func offered(_ wanted: Int64, _ now: Double) -> [Action] {
        // A job that is paused is not offered: that it goes on may not have been heard.
        isPaused = false
        guard wanted > attempt else { return said + follow(now) }
        attempt = wanted
        outcome = nil
        isOver = false
        keptUntil = nil
        hasBegun = false
        maySwitch = maySwitch && isVisible
        stage = hasContent ? .delivered : .receiving
        if isCache, hasContent { return end(.done) }
        return [.report(hasContent ? .delivered : .accepted)] + follow(now)
    }

    private mutating func obey(_ order: Order, _ now: Double) -> [Action] {
        switch order {
        case .switches(let moment):
            maySwitch = true
            self.moment = moment
            return follow(now)
        case .pause:
            guard !isPaused, stage != .ended else { return [] }
            isPaused = true
            hasBegun = false
            return [.stop]
        case .resume:
            isPaused = false
            return follow(now)
        case .cancel:
            switch stage {
            case .receiving, .delivered:
                isOver = true
                return end(.cancelled) + [.close]
            // Published content stays, and a running hook is not interrupted.
            case .switched, .hook:
                isOver = true
                return []
            case .ended: return over()
            }
        case .end:
            switch stage {
            case .delivered where !isVisible:
                // Control may have forgotten the job, after it was restored from a backup. Nothing that came whole is deleted.
                isOver = true
                stage = .ended
                outcome = .cancelled
                return [.report(.cancelled), .stop, .keep]
            case .receiving, .delivered:
                isOver = true
                return end(.cancelled) + [.close]
            case .switched, .hook:
                isOver = true
                return []
            case .ended:
                if hasContent, !isVisible, !isCache {
                    guard !isOver else { return [] }
                    isOver = true
                    return [.stop, .keep]
                }
                if isCache, hasContent, seedTime > 0 {
                    // It may be told the end more than once.
                    if keptUntil == nil { keptUntil = now + seedTime }
                    return []
                }
                return over()
            }
        }
    }

    private mutating func over() -> [Action] {
        isOver = true
        guard isVisible else {
            hasContent = false
            return [.stop, .discard, .close]
        }
        return [.stop, .close]
    }

    /// Makes the transitions that are possible now.
    private mutating func follow(_ now: Double) -> [Action] {
        switch stage {
        case .delivered:
            guard maySwitch, !isPaused, moment.map({ now >= $0 }) ?? true else { return [] }
            if isVisible {
                // A further attempt, which only runs the hook again.
                stage = .switched
                return [.report(.switched)] + follow(now)
            }
            return [.publish]
        case .switched:
            guard hasHook else { return end(.done) }
            stage = .hook
            return [.report(.hookStarted), .startHook(attempt: attempt)]
        case .receiving, .hook, .ended: return []
        }
    }

    private mutating func end(_ outcome: Outcome) -> [Action] {
        stage = .ended
        self.outcome = outcome
        hasBegun = false
        var actions: [Action] = [.report(Self.report(outcome))]
        switch outcome {
        case .done: break
        case .failed, .hookUnknown: if !hasContent { actions.append(.stop) }
        case .refused: actions += [.stop, .close]
        case .cancelled:
            hasContent = isVisible
            actions += [.stop, .discard]
        }
        if isOver, outcome == .done || isVisible { actions += over() }
        return actions
    }

    /// When ``Event/time`` must be handled, by control's clock; nil for not at all.
    package var due: Double? {
        if stage == .ended, !isOver { return keptUntil }
        return stage == .delivered && maySwitch && !isPaused ? moment : nil
    }

    /// Whether the job has ended with complete content that was not published, and that is kept.
    package var isKept: Bool { isOver && stage == .ended && hasContent && !isVisible && !isCache }

    /// Whether the job wants to receive.
    package var wantsTurn: Bool { stage == .receiving && !isPaused }

    /// How the job ended; nil before it has.
    var finalReport: JobMachine.Report? { stage == .ended ? outcome.map(Self.report) : nil }

    /// The last report, to be repeated.
    private var said: [Action] {
        switch stage {
        case .receiving: [.report(hasBegun ? .receiving : .accepted)]
        case .delivered: [.report(.delivered)]
        case .switched: [.report(.switched)]
        case .hook: [.report(.hookStarted)]
        case .ended: finalReport.map { [.report($0)] } ?? []
        }
    }

    private static func report(_ outcome: Outcome) -> JobMachine.Report {
        switch outcome {
        case .done: .done
        case .failed(let code, let again): .failed(code: code, again: again)
        case .refused(let key): .refused(key: key)
        case .hookUnknown: .hookUnknown
        case .cancelled: .cancelled
        }
    }
}

/// The result of a hook.
package enum HookEnding: Sendable, Hashable {
    case exited(Int32)
    case killed(signal: Int32)
    case timedOut
    /// The program or its user does not exist.
    case notStarted
    /// The host went down, or the waiter was killed, so the result is not known.
    case unknown
}

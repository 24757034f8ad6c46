import JSON

extension JobMachine {
    package struct Target: Sendable, Hashable {
        package let node: NodeID
        package let wave: Int
        package internal(set) var state = TargetState.waiting(.offer)
        /// Number of the current attempt, from 1. A failed target that is tried again gets the next one.
        package internal(set) var attempt = 1
        /// The node may switch to the new content. It has the order, or gets it when it has the content.
        package internal(set) var maySwitch = false
        package internal(set) var isAway = false
        /// Number of automatic retries.
        package internal(set) var retries = 0
        /// It is not offered again before, in seconds since 1970. Not compared: it follows from ``retries`` and when they were.
        var notBefore: Double?

        package init(
            node: NodeID, wave: Int, state: TargetState = .waiting(.offer), attempt: Int = 1, maySwitch: Bool = false,
            isAway: Bool = false, retries: Int = 0
        ) {
            self.node = node
            self.wave = min(max(0, wave), 1000)
            self.state = state
            self.attempt = attempt
            self.maySwitch = maySwitch
            self.isAway = isAway
            self.retries = retries
        }

        /// Whether the node shows the job's content, or may: it had the order to switch, and has not said that it failed before.
        package var mayShow: Bool {
            switch state {
            case .switched, .hook, .done, .hookUnknown: true
            case .failed(let code): code.hasPrefix("hook_")
            case .delivered, .cancelled, .expired: maySwitch
            case .waiting, .offered, .receiving, .refused, .superseded: false
            }
        }

        /// Whether later waves wait for this target. A node that is away or drained before its switch follows when it
        /// is back. One that goes away after its switch does hold up others: the new content may be the reason.
        var holdsUpWave: Bool {
            switch state {
            case .waiting(.away), .waiting(.drained): false
            case .delivered: !isAway
            default: !state.hasEnded
            }
        }

        /// As it is read again: a target that is to be tried again waits from when it failed.
        /// - Parameter changed: in seconds since 1970.
        package mutating func wait(from changed: Double) {
            guard state == .waiting(.offer), retries > 0 else { return }
            notBefore = changed + Self.pause(retries)
        }

        /// Seconds before a try: 30, doubled each time, 10 minutes at most.
        static func pause(_ retries: Int) -> Double { min(600, 30 * Double(1 << min(max(0, retries - 1), 10))) }

        package static func == (left: Target, right: Target) -> Bool {
            left.node == right.node && left.wave == right.wave && left.state == right.state
                && left.attempt == right.attempt && left.maySwitch == right.maySwitch && left.isAway == right.isAway
                && left.retries == right.retries
        }

        package func hash(into hasher: inout Hasher) {
            hasher.combine(node)
            hasher.combine(state)
            hasher.combine(attempt)
        }
    }

    /// Counts over all targets.
    package struct Figures: Sendable, Hashable {
        package let open: Int
        package let failures: Int

        package init(open: Int, failures: Int) {
            self.open = open
            self.failures = failures
        }
    }

    /// An event of one target, reported by its agent or found out by control.
    package enum Report: Sendable, Hashable {
        case away
        case back
        case drained
        case accepted
        case waiting(TargetState.WaitReason)
        case receiving
        case delivered
        case switched
        case hookStarted
        case done
        /// - Parameter again: whether another attempt may succeed.
        case failed(code: String, again: Bool)
        case refused(key: String)
        case hookUnknown
        case superseded
        case cancelled
    }

    /// A command for one node.
    package enum Order: Sendable, Hashable {
        case offer(NodeID, attempt: Int)
        case switches(NodeID, at: Double?)
        case cancel(NodeID)
        case pause(NodeID)
        case resume(NodeID)
    }

    /// The stored state of a job, without its targets.
    package struct Header: Sendable, Hashable {
        package let state: JobState
        /// Seconds since 1970.
        package let started: Double
        package let begins: Double?
        /// When it last began again after it had ended, in seconds since 1970.
        package let reopened: Double?
        package let wave: Int
        package let reason: String?
        package let nextWave: Double?
        package let moment: Double?
        /// For each wave, the number of failures that an operator has accepted by letting the job continue.
        package let forgiven: [Int]

        init(
            state: JobState, started: Double, begins: Double?, reopened: Double?, wave: Int, reason: String?,
            nextWave: Double?,
            moment: Double?, forgiven: [Int]
        ) {
            self.state = state
            self.started = started
            self.begins = begins
            self.reopened = reopened
            self.wave = wave
            self.reason = reason
            self.nextWave = nextWave
            self.moment = moment
            self.forgiven = forgiven
        }

        /// Nil for anything that ``json`` does not write.
        package init?(_ json: JSONValue) {
            func number(_ key: String) -> Double? {
                switch json[key] {
                case .double(let number)?: number
                case .integer(let number)?: Double(number)
                default: nil
                }
            }
            guard let state = json["state"]?.stringValue.flatMap(JobState.init), let started = number("started") else {
                return nil
            }
            self.init(
                state: state, started: started, begins: number("begins"), reopened: number("reopened"),
                wave: Int(clamping: json["wave"]?.lenientInteger ?? 0),
                reason: json["reason"]?.stringValue, nextWave: number("next_wave"), moment: number("moment"),
                forgiven: (json["forgiven"]?.arrayValue ?? []).map { Int(clamping: $0.lenientInteger ?? 0) })
        }

        package var json: JSONValue {
            var object = JSONObject([
                "state": .string(state.rawValue), "started": .double(started), "wave": .integer(Int64(wave)),
            ])
            object.put("begins", begins)
            object.put("reopened", reopened)
            object.put("reason", reason)
            object.put("next_wave", nextWave)
            object.put("moment", moment)
            if forgiven.contains(where: { $0 > 0 }) {
                object["forgiven"] = .array(forgiven.map { .integer(Int64($0)) })
            }
            return .object(object)
        }
    }
}

/// The state of a target.
package enum TargetState: Sendable, Hashable {
    case waiting(WaitReason)
    case offered
    case receiving
    /// The content is verified and durable on the node, but not visible yet.
    case delivered
    case switched
    /// The node's hook is running.
    case hook
    case done
    case failed(code: String)
    /// The node's own configuration file does not allow the job. The key names the setting.
    case refused(key: String)
    case cancelled
    case expired
    /// A newer job published other content at the same destination.
    case superseded
    /// The host went down while the hook ran, so its result is unknown.
    case hookUnknown

    package enum WaitReason: String, Sendable, Hashable, CaseIterable {
        case wave, window, slot, away, drained, space, source
        /// Control has not sent the offer yet.
        case offer
    }

    package var hasEnded: Bool {
        switch self {
        case .waiting, .offered, .receiving, .delivered, .switched, .hook: false
        case .done, .failed, .refused, .cancelled, .expired, .superseded, .hookUnknown: true
        }
    }

    /// Whether the target counts against the class's `maxfailures`.
    package var isFailure: Bool {
        switch self {
        case .failed, .refused, .expired, .hookUnknown: true
        default: false
        }
    }

    /// Whether the content is on the node's disk, verified.
    package var hasContent: Bool {
        switch self {
        case .delivered, .switched, .hook, .done, .hookUnknown: true
        default: false
        }
    }

    /// Whether the target receives, or may begin to at any moment: such targets share their site's line.
    package var usesLine: Bool {
        switch self {
        case .offered, .receiving, .waiting(.offer), .waiting(.slot), .waiting(.source): true
        default: false
        }
    }

    /// Whether the job is offered to the target, until it has begun.
    package var getsOffer: Bool {
        switch self {
        case .waiting(.offer), .waiting(.wave), .offered: true
        default: false
        }
    }

    /// All that ``name`` may be.
    package static let names = [
        "waiting", "offered", "receiving", "delivered", "switched", "hook", "done", "failed", "refused", "cancelled",
        "expired", "superseded", "hook_unknown",
    ]

    /// The state's name in the API.
    package var name: String {
        switch self {
        case .waiting: "waiting"
        case .offered: "offered"
        case .receiving: "receiving"
        case .delivered: "delivered"
        case .switched: "switched"
        case .hook: "hook"
        case .done: "done"
        case .failed: "failed"
        case .refused: "refused"
        case .cancelled: "cancelled"
        case .expired: "expired"
        case .superseded: "superseded"
        case .hookUnknown: "hook_unknown"
        }
    }

    /// The detail of the state: `space`, `root`, `hook_exit_3`.
    package var code: String? {
        switch self {
        case .waiting(let reason): reason.rawValue
        case .failed(let code): code
        case .refused(let key): key
        default: nil
        }
    }

    /// The state with this ``name`` and ``code``; nil if there is none.
    package init?(name: String, code: String?) {
        switch name {
        case "waiting":
            guard let reason = code.flatMap(WaitReason.init(rawValue:)) else { return nil }
            self = .waiting(reason)
        case "failed": self = .failed(code: code ?? "failed")
        case "refused": self = .refused(key: code ?? "policy")
        case "offered": self = .offered
        case "receiving": self = .receiving
        case "delivered": self = .delivered
        case "switched": self = .switched
        case "hook": self = .hook
        case "done": self = .done
        case "cancelled": self = .cancelled
        case "expired": self = .expired
        case "superseded": self = .superseded
        case "hook_unknown": self = .hookUnknown
        default: return nil
        }
    }

    /// What the state means, for people.
    package var text: String {
        switch self {
        case .waiting(.wave): "waits for its wave"
        case .waiting(.window): "waits for a window of the class"
        case .waiting(.slot): "waits for other jobs on the node"
        case .waiting(.away): "is away, and gets it on return"
        case .waiting(.drained): "takes nothing new: it is drained"
        case .waiting(.space): "has too little space"
        case .waiting(.source): "waits for a source"
        case .waiting(.offer): "is offered the job next"
        case .offered: "was offered the job"
        case .receiving: "receives"
        case .delivered: "has it, verified, and has not switched yet"
        case .switched: "has switched"
        case .hook: "runs its hook"
        case .done: "is done"
        case .failed(let code): "failed: \(code)"
        case .refused(let key): "refused: '\(key)' in its own file does not allow it"
        case .cancelled: "was cancelled"
        case .expired: "was not reached before the job ran out"
        case .superseded: "got a newer version instead"
        case .hookUnknown: "went down while its hook ran: nobody knows how that ended"
        }
    }

    /// What an operator can do, for people; nil if nothing.
    package var advice: String? {
        switch self {
        case .waiting(.space): "make room on the node; it tries again every 10 minutes"
        case .waiting(.away): "look why the node does not reach control"
        case .waiting(.drained): "swoop fleet node drain --off takes the node back"
        case .waiting(.source): "the sender must be running until one copy is out"
        case .failed(code: "version_gone"): "send that content again: the class keeps fewer versions"
        case .failed: "swoop fleet job retry tries again"
        case .refused: "change the key in the node's agent.yaml, or leave the node out"
        case .expired: "send again"
        case .hookUnknown: "look at the node, then swoop fleet job retry"
        default: nil
        }
    }
}

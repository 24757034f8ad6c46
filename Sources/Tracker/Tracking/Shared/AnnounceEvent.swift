/// What an announce says has happened (BEP 3; `paused` is BEP 21's word for a partial seed).
///
/// The raw value is the number of UDP announces: 0 to 3 are BEP 15's, and 4 is what clients send for `paused`.
public enum AnnounceEvent: UInt32, Sendable, Hashable, CaseIterable {
    /// A regular announce: no `event` parameter.
    case none = 0
    case completed = 1
    case started = 2
    case stopped = 3
    /// Wants nothing more, though it has not everything.
    case paused = 4

    /// The value of HTTP's `event` parameter; nil for `none`, which is told by leaving the parameter out.
    public var query: String? {
        switch self {
        case .none: nil
        case .completed: "completed"
        case .started: "started"
        case .stopped: "stopped"
        case .paused: "paused"
        }
    }
}

/// The event of an announce (BEP 3; `paused` is BEP 21's event for a partial seed).
///
/// The raw value is the number in UDP announces: 0 to 3 are defined in BEP 15, and clients send 4 for `paused`.
public enum AnnounceEvent: UInt32, Sendable, Hashable, CaseIterable {
    /// A regular announce: no `event` parameter.
    case none = 0
    case completed = 1
    case started = 2
    case stopped = 3
    /// The peer wants to download nothing more, although it does not have everything.
    case paused = 4

    /// The value of HTTP's `event` parameter; nil for `none`, where the parameter is omitted.
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

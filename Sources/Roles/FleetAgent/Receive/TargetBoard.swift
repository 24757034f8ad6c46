import Fleet
import Synchronization

/// How a job is, as its runner last wrote it. Read by anyone without waiting for the runner.
final class TargetBoard: Sendable {
    struct State: Sendable {
        var done: Int64 = 0
        var total: Int64 = 0
        var down = 0.0
        var up = 0.0
        var fromPeers: Int64 = 0
        /// Those of peers that came from this host's site.
        var fromSite: Int64 = 0
        var fromSources: Int64 = 0
        var isSeeding = false
        /// Whether a window of the class and of the host is open.
        var isOpen = true
        var efficiency: Double?
        var notes = ""
        /// Where its content is put, or lies.
        var final: String?
    }

    private let state = Mutex(State())

    var now: State { state.withLock { $0 } }
    var efficiency: Double? { state.withLock { $0.efficiency } }

    func update(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
}

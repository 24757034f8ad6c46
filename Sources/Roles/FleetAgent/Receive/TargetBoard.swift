import Fleet
import Jobs
import Synchronization

/// The progress of a job as its runner last updated it. Reading it does not wait for the runner.
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
        /// Whether windows of the class and of the host allow transfers now.
        var isOpen = true
        var efficiency: Double?
        var notes = ""
        /// The path at which the content is or will be published.
        var final: String?

        var sources: BytesBySource {
            BytesBySource(site: fromSite, peers: fromPeers - fromSite, others: fromSources)
        }
    }

    private let state = Mutex(State())

    var now: State { state.withLock { $0 } }
    var efficiency: Double? { state.withLock { $0.efficiency } }

    func take(_ status: JobStatus) {
        update {
            $0.done = status.received.all.reduce(status.localBytes, +)
            $0.down = status.rates.all.reduce(0, +)
            $0.up = status.upload
            $0.fromPeers = status.received.bt
            $0.fromSite = min(status.receivedFromSite, status.received.bt)
            $0.fromSources = status.received.obs + status.received.cdn
            $0.isSeeding = status.isSeeding
            $0.notes = status.notes
            if let efficiency = status.efficiency, let bound = efficiency.bound, bound > 0 {
                $0.efficiency = efficiency.achieved / bound
            }
        }
    }

    func update(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
}

import Policy
import SwarmCore
import Synchronization

/// How a job stands at one moment.
package struct JobStatus: Sendable, Equatable {
    package let name: String
    package internal(set) var state: JobState
    package internal(set) var record: JobRecord
    /// Bytes of all files, and of those that lay here already.
    package let totalBytes: Int64
    package internal(set) var localBytes: Int64
    /// Verified bytes that came by each method, and bytes per second now.
    package internal(set) var received = PerMethod<Int64>(repeating: 0)
    /// Those of peers that came from this host's site.
    package internal(set) var receivedFromSite: Int64 = 0
    package internal(set) var rates = PerMethod<Double>(repeating: 0)
    /// Bytes that each method is still to fetch.
    package internal(set) var pending = PerMethod<Int64>(repeating: 0)
    /// Whether peers are served from complete content.
    package internal(set) var isSeeding = false
    /// Bytes per second given to peers.
    package internal(set) var upload = 0.0
    /// What a person should know; empty if all is well.
    package internal(set) var notes = ""
    /// How near the peers' part comes to what is possible.
    package internal(set) var efficiency: Efficiency?

    package init(name: String, state: JobState, record: JobRecord, totalBytes: Int64, localBytes: Int64 = 0) {
        self.name = name
        self.state = state
        self.record = record
        self.totalBytes = totalBytes
        self.localBytes = localBytes
    }
}

/// A job's status as its runner last wrote it. Read by anyone without waiting for the runner: an answer about one job
/// must not depend on what two hundred others are doing.
final class JobBoard: Sendable {
    private let status: Mutex<JobStatus>

    init(_ status: JobStatus) { self.status = Mutex(status) }

    var now: JobStatus { status.withLock { $0 } }

    func update(_ change: (inout JobStatus) -> Void) { status.withLock { change(&$0) } }
}

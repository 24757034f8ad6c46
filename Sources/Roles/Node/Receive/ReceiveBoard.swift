import Delivery
import SwarmCore
import Synchronization

/// The published status of a delivery. Its runner writes it, and anyone can read it without waiting: a reply about one
/// task must not depend on the load of two hundred others.
final class ReceiveBoard: Sendable {
    struct Figures: Sendable, Equatable {
        /// Verified bytes by method, and current bytes per second.
        var received = PerMethod<Int64>(repeating: 0)
        var rates = PerMethod<Double>(repeating: 0)
        /// Bytes that each method still has to bring.
        var pending = PerMethod<Int64>(repeating: 0)
        var isSeeding = false
        /// Information for a person; empty if there is no problem.
        var notes = ""
        var upload = 0.0
        /// The efficiency of the BitTorrent part.
        var efficiency: Efficiency?
    }

    private let figures = Mutex(Figures())
    private let file = Mutex<TaskFile?>(nil)

    var now: Figures { figures.withLock { $0 } }

    /// The task as last written; nil before the runner has started.
    var task: TaskFile? { file.withLock { $0 } }
    func set(_ task: TaskFile) { file.withLock { $0 = task } }

    func update(_ change: (inout Figures) -> Void) { figures.withLock { change(&$0) } }
}

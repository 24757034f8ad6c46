import Delivery
import SwarmCore
import Synchronization

/// What a delivery looks like from outside. Written by its runner, read by anyone without waiting for it: an answer
/// about one task must not depend on what two hundred others are doing.
final class ReceiveBoard: Sendable {
    struct Figures: Sendable, Equatable {
        /// Verified bytes that came by each method, and bytes per second now.
        var received = PerMethod<Int64>(repeating: 0)
        var rates = PerMethod<Double>(repeating: 0)
        /// Bytes that each method is still to fetch.
        var pending = PerMethod<Int64>(repeating: 0)
        var isSeeding = false
        /// What a person should know; empty if all is well.
        var notes = ""
        var upload = 0.0
        /// How near the peers' part comes to what is possible.
        var efficiency: Efficiency?
    }

    private let figures = Mutex(Figures())
    private let file = Mutex<TaskFile?>(nil)

    var now: Figures { figures.withLock { $0 } }

    /// As it was written last; nil before the runner has begun.
    var task: TaskFile? { file.withLock { $0 } }
    func set(_ task: TaskFile) { file.withLock { $0 = task } }

    func update(_ change: (inout Figures) -> Void) { figures.withLock { change(&$0) } }
}

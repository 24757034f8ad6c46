import Synchronization

/// How many transactions a task has committed. Whoever carries out a call that then fails finds out with it whether the
/// call may have taken effect.
package final class CommitCount: Sendable {
    /// The count of the task that is running; nil if nobody counts.
    @TaskLocal package static var current: CommitCount?

    private let commits = Atomic<Int>(0)

    package init() {}

    package var isZero: Bool { commits.load(ordering: .relaxed) == 0 }

    /// A transaction of the running task was committed.
    static func add() { current?.commits.add(1, ordering: .relaxed) }
}

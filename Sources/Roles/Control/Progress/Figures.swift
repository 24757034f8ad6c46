import Fleet
import Synchronization

/// The progress of jobs as nodes have reported it, and which jobs somebody watches. Owns the ``FigureBoard``. In memory
/// only.
final class Figures: Sendable {
    private let board = Mutex(FigureBoard())

    /// The figures of a job's nodes.
    func of(_ job: String) -> [NodeID: FigureBoard.Figure] { board.withLock { $0.jobs[job] ?? [:] } }

    func of(_ job: String, at node: NodeID) -> FigureBoard.Figure? { board.withLock { $0.jobs[job]?[node] } }

    /// Takes in what a node has reported.
    func put(_ figures: [JobFigures], of node: NodeID, at now: Double) {
        board.withLock { board in for figure in figures { board.put(figure, of: node, at: now) } }
    }

    /// Takes in what another control says of its nodes.
    func put(elsewhere figures: [(node: NodeID, figure: FigureBoard.Figure)]) {
        board.withLock { board in for (node, figure) in figures { board.put(figure, of: node) } }
    }

    /// Number of a job's reports by nodes that are with this control.
    func reports(of job: String) -> UInt64 { board.withLock { $0.reports[job] ?? 0 } }

    func forget(_ job: String) { board.withLock { $0.forget(job) } }

    // MARK: Watching

    /// Marks a job as watched.
    /// - Returns: whether it was not.
    func watch(_ job: String, at now: Double, until: Double) -> Bool {
        board.withLock { board in
            defer { board.watch(job, at: now, until: until) }
            return !board.isWatched(job, at: now)
        }
    }

    /// Marks a job as watched at another control.
    /// - Returns: whether it was not watched at all.
    func watchElsewhere(_ job: String, at now: Double, until: Double) -> Bool {
        board.withLock { board in
            defer { board.watchElsewhere(job, at: now, until: until) }
            return !board.isWatched(job, at: now)
        }
    }

    func isWatchedHere(_ job: String, at now: Double) -> Bool { board.withLock { $0.isWatchedHere(job, at: now) } }

    /// Whether a job is watched, here or elsewhere.
    func isWatched(_ job: String, at now: Double) -> Bool { board.withLock { $0.isWatched(job, at: now) } }

    func watchedJobs(at now: Double) -> [String] { board.withLock { $0.watchedJobs(at: now).sorted() } }

    /// Those of these jobs that are watched.
    func watched(of jobs: Set<String>, at now: Double) -> Set<String> {
        board.withLock { board in jobs.filter { board.isWatched($0, at: now) } }
    }

    // MARK: Streams

    /// Whether there are figures of a job that a stream has not shown.
    func isBehind(_ cursor: FigureCursor, of job: String) -> Bool {
        board.withLock { $0.changes[job].map(cursor.isBehind) ?? false }
    }

    /// Offers the figures of a job that a stream has not shown, see ``FigureCursor/take(from:_:)``.
    /// - Parameter show: returns false if the message is full.
    func take(
        of job: String, with cursor: inout FigureCursor, _ show: (NodeID, FigureBoard.Figure) -> Bool
    ) {
        board.withLock { board in
            guard let changes = board.changes[job], let figures = board.jobs[job] else { return }
            cursor.take(from: changes) { node in figures[node].map { show(node, $0) } ?? true }
        }
    }
}

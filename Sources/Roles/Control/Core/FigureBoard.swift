import Fleet

/// How far jobs are at nodes, as nodes said last, and who looks at which job. In memory alone.
struct FigureBoard: Sendable {
    struct Figure: Sendable {
        var figures: JobFigures
        /// Seconds since 1970.
        var at: Double
        /// Bytes a second over about the last minute.
        var rate: Double
        /// The same when something came last: that of a target that waits for a window.
        var moving: Double
    }

    private(set) var jobs: [String: [NodeID: Figure]] = [:]
    /// Until when somebody looks at a job.
    private var watched: [String: Double] = [:]
    /// Counts what was put: a stream sends figures when it has grown.
    private(set) var version: UInt64 = 0

    /// Seconds over which a rate is averaged.
    private static let minute = 60.0

    mutating func put(_ figures: JobFigures, of node: NodeID, at now: Double) {
        version &+= 1
        var (rate, moving) = (figures.down, figures.down)
        if let before = jobs[figures.job]?[node] {
            let passed = max(0.001, now - before.at)
            let last = max(0, Double(figures.done - before.figures.done)) / passed
            let weight = min(1, passed / Self.minute)
            rate = before.rate == 0 ? last : before.rate * (1 - weight) + last * weight
            moving = last > 0 ? rate : before.moving
        }
        jobs[figures.job, default: [:]][node] = Figure(figures: figures, at: now, rate: rate, moving: moving)
    }

    mutating func forget(_ job: String) {
        jobs[job] = nil
        watched[job] = nil
    }

    /// Somebody looks at a job.
    mutating func watch(_ job: String, until: Double) { watched[job] = max(until, watched[job] ?? 0) }

    func watchedJobs(at now: Double) -> [String] { watched.filter { $0.value > now }.map(\.key) }

    func isWatched(_ job: String, at now: Double) -> Bool { watched[job].map { $0 > now } ?? false }
}

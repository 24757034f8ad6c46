import Fleet

/// The progress of jobs on nodes according to the nodes' latest reports, and which jobs are being watched. In memory
/// only.
struct FigureBoard: Sendable {
    struct Figure: Sendable {
        var figures: JobFigures
        /// Seconds since 1970.
        var at: Double
        /// Bytes a second over about the last minute.
        var rate: Double
        /// The same when something came last: that of a target that waits for a window.
        var moving: Double
        /// Another control was told this.
        var isFromElsewhere = false
    }

    private(set) var jobs: [String: [NodeID: Figure]] = [:]
    /// The order of each job's reports. A stream sends progress when its job's has changed.
    private(set) var changes: [String: FigureChanges] = [:]
    /// Number of each job's reports by nodes that are with this control.
    private(set) var reports: [String: UInt64] = [:]
    /// For each job, the time until which it is being watched, in seconds since 1970.
    private var watched: [String: Double] = [:]
    /// The same of jobs that are watched at other controls.
    private var watchedElsewhere: [String: Double] = [:]

    /// More watched jobs than this are looked through for those that nobody watches any more: also one that has ended is watched.
    private static let mostWatched = 1000
    /// Time constant of the averaged rate, in seconds.
    private static let minute = 60.0

    mutating func put(_ figures: JobFigures, of node: NodeID, at now: Double) {
        changes[figures.job, default: FigureChanges()].note(node)
        reports[figures.job, default: 0] += 1
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

    /// Another control was told this. What a node said later, to whomever, is kept.
    mutating func put(_ figure: Figure, of node: NodeID) {
        let job = figure.figures.job
        if let known = jobs[job]?[node], known.at >= figure.at { return }
        changes[job, default: FigureChanges()].note(node)
        jobs[job, default: [:]][node] = figure
    }

    mutating func forget(_ job: String) {
        jobs[job] = nil
        changes[job] = nil
        reports[job] = nil
        watched[job] = nil
        watchedElsewhere[job] = nil
    }

    /// Marks a job as watched.
    mutating func watch(_ job: String, at now: Double, until: Double) {
        if watched.count > Self.mostWatched { watched = watched.filter { $0.value > now } }
        watched[job] = max(until, watched[job] ?? 0)
    }

    /// A job is watched at another control.
    mutating func watchElsewhere(_ job: String, at now: Double, until: Double) {
        if watchedElsewhere.count > Self.mostWatched {
            watchedElsewhere = watchedElsewhere.filter { $0.value > now }
        }
        watchedElsewhere[job] = max(until, watchedElsewhere[job] ?? 0)
    }

    /// Jobs that are watched here or elsewhere.
    func watchedJobs(at now: Double) -> Set<String> {
        let here = watched.filter { $0.value > now }.keys
        return Set(here).union(watchedElsewhere.filter { $0.value > now }.keys)
    }

    /// Whether a job is watched, here or elsewhere.
    func isWatched(_ job: String, at now: Double) -> Bool {
        isWatchedHere(job, at: now) || watchedElsewhere[job].map { $0 > now } ?? false
    }

    func isWatchedHere(_ job: String, at now: Double) -> Bool { watched[job].map { $0 > now } ?? false }
}

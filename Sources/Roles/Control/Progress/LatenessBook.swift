import Fleet

/// Remembers which jobs have been reported as late or at risk, so that each is reported once. Pure.
struct LatenessBook: Sendable {
    /// When a verdict may be reported, in seconds since 1970 by control's clock; infinity where it was.
    private var due: [String: [Arrival.Verdict: Double]] = [:]

    /// Whether a verdict is to be reported now. It is not to be again before `again`, unless ``forget(_:_:)`` says so: another
    /// control may be reporting it, and may not come to its end.
    mutating func isDue(_ job: String, _ verdict: Arrival.Verdict, at now: Double, again: Double) -> Bool {
        if let due = due[job]?[verdict], now < due { return false }
        due[job, default: [:]][verdict] = again
        return true
    }

    /// This control has reported it.
    mutating func isSaid(_ job: String, _ verdict: Arrival.Verdict) { due[job]?[verdict] = .infinity }

    /// It could not be said.
    mutating func forget(_ job: String, _ verdict: Arrival.Verdict) { due[job]?[verdict] = nil }

    mutating func keep(_ jobs: Set<String>) { due = due.filter { jobs.contains($0.key) } }
}

import Fleet

/// Remembers which jobs have been reported as late or at risk, so that each is reported once. Pure.
struct LatenessBook: Sendable {
    private var said: [String: Set<Arrival.Verdict>] = [:]

    /// - Returns: whether this verdict has not been reported for the job yet.
    mutating func isNew(_ job: String, _ verdict: Arrival.Verdict) -> Bool {
        said[job, default: []].insert(verdict).inserted
    }

    /// It could not be said.
    mutating func forget(_ job: String, _ verdict: Arrival.Verdict) { said[job]?.remove(verdict) }

    mutating func keep(_ jobs: Set<String>) { said = said.filter { jobs.contains($0.key) } }
}

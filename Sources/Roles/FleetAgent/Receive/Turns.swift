import Fleet

/// Chooses the jobs that may receive: at most `most`, by priority, then deadline, then age. A job with a higher
/// priority displaces one with a lower priority.
package enum ReceivingTurns {
    package struct Candidate: Sendable, Hashable {
        package let job: String
        package let priority: Int64
        /// Seconds since 1970.
        package let deadline: Double?
        package let accepted: Double
        package let isReceiving: Bool

        package init(job: String, priority: Int64, deadline: Double?, accepted: Double, isReceiving: Bool) {
            self.job = job
            self.priority = priority
            self.deadline = deadline
            self.accepted = accepted
            self.isReceiving = isReceiving
        }
    }

    package static func choose(_ candidates: [Candidate], most: Int) -> Set<String> {
        let sorted = candidates.sorted { left, right in
            if left.priority != right.priority { return left.priority > right.priority }
            // Among jobs of the same priority, those that receive go on.
            if left.isReceiving != right.isReceiving { return left.isReceiving }
            let (one, other) = (left.deadline ?? .infinity, right.deadline ?? .infinity)
            if one != other { return one < other }
            if left.accepted != right.accepted { return left.accepted < right.accepted }
            return left.job < right.job
        }
        return Set(sorted.prefix(max(0, most)).map(\.job))
    }
}

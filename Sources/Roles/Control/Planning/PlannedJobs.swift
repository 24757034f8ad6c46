import Fleet
import FleetLink
import FleetStore
import Text

/// Jobs that were ordered and have not started. Owns nothing: they are in the database.
struct PlannedJobs: Sendable {
    let database: ControlDatabase

    /// The job with this id, if the node is its sender.
    func job(_ id: String, of sender: NodeID) async throws(LinkRefusal) -> JobRecord {
        let known = try await database.linked { () throws(StoreError) in try await database.store.job(id) }
        guard let known, known.sender == sender else { throw .noJob }
        return known
    }

    /// Changes a job that has not started yet.
    /// - Returns: the result of `body`: whether it changed the job.
    func change(
        _ job: JobRecord, by act: Act? = nil, _ action: String? = nil,
        _ body: @escaping @Sendable (inout JobRecord) -> Bool
    ) async throws(LinkRefusal) -> Bool {
        let act = act ?? .control(at: database.now())
        let outcome = try await database.linked { () throws(StoreError) in
            try await database.store.move(job.id, known: nil, course: JobCourse(), by: act, action) {
                job -> MoveDecision<Bool> in
                .go(body(&job.record))
            }
        }
        return outcome.value?.result ?? false
    }

    /// Cancels a job that has not started.
    /// - Returns: whether it was not over, and had not started.
    func cancel(_ job: JobRecord, by act: Act) async throws(LinkRefusal) -> Bool {
        try await change(job, by: act, "job.cancel") { record in
            guard !record.state.hasEnded, record.course == nil else { return false }
            record.state = .cancelled
            return true
        }
    }

    /// Ends a job whose sender cannot hash or publish the content.
    func abandon(_ id: String, reason: String, by node: NodeID) async throws(LinkRefusal) {
        let done = try await change(try await job(id, of: node)) { record in
            guard !record.state.hasEnded, record.course == nil else { return false }
            record.state = .failed
            record.reason = DisplayName.escape(reason.prefix(bytes: 1000))
            return true
        }
        guard done else { throw LinkRefusal(409, "running", "the job runs already: cancel it instead") }
    }

    /// Ends jobs whose sender never said what they are: it went away while it hashed.
    func expire(_ now: Double) async {
        let open = (try? await database.store.jobs(before: nil, limit: 1000, isOpen: true, oldestFirst: true)) ?? []
        for job in open where job.course == nil && job.expires < now {
            _ = try? await change(job, "job.expire") { job in
                guard job.course == nil, !job.state.hasEnded else { return false }
                job.state = .failed
                job.reason = "its sender did not come back with the content in time"
                return true
            }
        }
    }
}

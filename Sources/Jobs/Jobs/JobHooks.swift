import Policy

/// What became of a job, for a front end that tells others.
package enum JobEvent: Sendable, Hashable {
    /// The content is complete and lies at its final place.
    case complete
    /// The service has ended.
    case finished
    case failed(JobFailure)
}

/// What is counted of all jobs.
package enum JobCount: Sendable, Hashable {
    case complete
    case failed
    /// Files that did not match their digest after their transfer.
    case wrongFile
    /// Verified bytes that came by a method.
    case received(DeliveryMethod)
    /// Bytes that were copied from this host's own library.
    case copied
}

/// What a job's front end hears of it. Calls come from the job's runner, which waits for those that are `async`.
package struct JobHooks: Sendable {
    /// All of the content is here, right and durable: returns when it may be put at its final place. False where it is not to
    /// be, for as long as this runner lives. The runner's end cancels the task that waits.
    package var mayPublish: @Sendable (_ name: String) async -> Bool
    /// The job needs its place in the queue no longer.
    package var placeIsFree: @Sendable (_ name: String) async -> Void
    /// The job has ended; the last call.
    package var ended: @Sendable (_ name: String) async -> Void
    package var event: @Sendable (_ name: String, JobEvent) -> Void
    package var count: @Sendable (JobCount, Int64) -> Void

    package init(
        mayPublish: @escaping @Sendable (String) async -> Bool = { _ in true },
        placeIsFree: @escaping @Sendable (String) async -> Void = { _ in },
        ended: @escaping @Sendable (String) async -> Void = { _ in },
        event: @escaping @Sendable (String, JobEvent) -> Void = { _, _ in },
        count: @escaping @Sendable (JobCount, Int64) -> Void = { _, _ in }
    ) {
        self.mayPublish = mayPublish
        self.placeIsFree = placeIsFree
        self.ended = ended
        self.event = event
        self.count = count
    }
}

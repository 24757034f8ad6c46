import Policy

/// Where a job stands in its life.
package enum JobState: String, Sendable, Hashable, CaseIterable {
    /// Its content is fetched. A job that does not keep its content stays here while it serves.
    case receiving
    /// Its content lies at its final place, and is served for as long as the policy says.
    case serving
    /// The service is over.
    case over
    case failed
}

/// What is written down of a job, beside its state.
package struct JobRecord: Sendable, Hashable {
    /// When its content was first asked for; nil before.
    package var began: Instant?
    /// When all of its content was here and right; nil before. The service counts from here.
    package var completed: Instant?
    /// Files that lay on this host already, as far as they could be copied.
    package var local: Set<Int>

    package init(began: Instant? = nil, completed: Instant? = nil, local: Set<Int> = []) {
        self.began = began
        self.completed = completed
        self.local = local
    }
}

/// Why a job cannot go on.
package struct JobFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package let cause: DeliveryFailure
    /// The method that it is put down to.
    package let method: DeliveryMethod
    /// For a person.
    package let description: String

    init(_ cause: DeliveryFailure, method: DeliveryMethod, description: String) {
        self.cause = cause
        self.method = method
        self.description = description
    }
}

/// Keeps the records of a front end's jobs. What it has kept survives the loss of power.
///
/// Calls for one job come one after the other.
package protocol JobStore: Sendable {
    /// Writes the record down, for a job that is in this state.
    func save(_ record: JobRecord, of name: String, in state: JobState) throws(FileFailure)
    /// One step: afterwards the job is in the one state or in the other.
    /// - Throws: only when the job is still in the first state. A step that was made and may not survive the loss of
    ///   power is the store's own to report: the job is in the next state.
    func move(_ name: String, from state: JobState, to next: JobState) throws(FileFailure)
    /// Moves a job to `failed`, with the reason.
    func fail(_ name: String, from state: JobState, _ failure: JobFailure) throws(FileFailure)
}

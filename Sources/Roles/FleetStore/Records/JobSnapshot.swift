import Fleet

/// A job with all its targets as of a revision: what a control keeps in memory, and holds against the store before it decides.
package struct JobSnapshot: Sendable {
    package var record: JobRecord
    /// Nil until the job runs.
    package var machine: JobMachine?
    /// For a person, of targets that failed; when each changed last.
    package var details: [NodeID: Detail] = [:]

    package struct Detail: Sendable, Hashable {
        package var text: String?
        /// Seconds since 1970.
        package var at: Double
        package var revision: Int64

        package init(text: String? = nil, at: Double, revision: Int64) {
            self.text = text
            self.at = at
            self.revision = revision
        }
    }

    package init(record: JobRecord, machine: JobMachine? = nil) {
        self.record = record
        self.machine = machine
    }
}

/// What a move decides.
package enum MoveDecision<Result: Sendable>: Sendable {
    case go(Result)
    /// Nothing is done.
    case refused(code: String, String)
}

/// A job after a move, and what the move gave.
package struct Moved<Result: Sendable>: Sendable {
    package let snapshot: JobSnapshot
    package let result: Result
}

/// A receipt, and the key that signed it.
package struct ReceiptRecord: Sendable, Hashable {
    package let node: NodeID
    package let attempt: Int
    /// How the attempt ended, or `unknown` for a job that this control has forgotten.
    package let state: String
    /// In compact form.
    package let jws: String
    /// SubjectPublicKeyInfo, DER.
    package let publicKey: [UInt8]
    /// Seconds since 1970.
    package let at: Double

    package init(node: NodeID, attempt: Int, state: String, jws: String, publicKey: [UInt8], at: Double) {
        self.node = node
        self.attempt = attempt
        self.state = state
        self.jws = jws
        self.publicKey = publicKey
        self.at = at
    }
}

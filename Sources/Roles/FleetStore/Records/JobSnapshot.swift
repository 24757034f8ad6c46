import Fleet

/// A job with all its targets at one revision. Control keeps it in memory, and compares it with the database before
/// each change.
package struct JobSnapshot: Sendable {
    package var record: JobRecord
    /// Nil until the job runs.
    package var machine: JobMachine?
    /// For each target: why it failed, for people, what it received, and when it last changed.
    package var details: [NodeID: Detail] = [:]

    package struct Detail: Sendable, Hashable {
        package var text: String?
        /// Seconds since 1970.
        package var at: Double
        package var revision: Int64
        /// What it had received when it last changed.
        package var sources: BytesBySource

        package init(text: String? = nil, at: Double, revision: Int64, sources: BytesBySource = BytesBySource()) {
            self.text = text
            self.at = at
            self.revision = revision
            self.sources = sources
        }
    }

    package init(record: JobRecord, machine: JobMachine? = nil) {
        self.record = record
        self.machine = machine
    }
}

/// The decision of a change to a job.
package enum MoveDecision<Result: Sendable>: Sendable {
    case go(Result)
    /// The job is not changed. A code, and the reason for people.
    case refused(code: String, String)
}

/// A job after a change, and the result of the change.
package struct Moved<Result: Sendable>: Sendable {
    package let snapshot: JobSnapshot
    package let result: Result
}

/// A receipt, and the public key that signed it.
package struct ReceiptRecord: Sendable, Hashable {
    package let node: NodeID
    package let attempt: Int
    /// How the attempt ended, or `unknown` for a job that is not in the database.
    package let state: String
    /// JWS in compact form (RFC 7515).
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

    /// The same of a job that control does not know, or not with this node.
    var unknown: ReceiptRecord {
        ReceiptRecord(node: node, attempt: attempt, state: "unknown", jws: jws, publicKey: publicKey, at: at)
    }
}

import Fleet
import JSON
import Jobs
import Policy

/// The stored state of a job on this host, with which a later run of the agent can continue it.
package struct TargetRecord: Sendable, Hashable {
    package let job: String
    package var offer: JobOffer
    package var life: TargetLife
    /// The root that was chosen when the job was accepted.
    package var root: String
    /// The directory for the content; nil for a cache, and for a refused job.
    package var destination: String?
    /// How the class of that time publishes content; nil in records of earlier versions.
    package var publish: FleetClass.Publish?
    /// For a rollback: the job whose content is published again.
    package var restores: String?
    /// Seconds since 1970, by this host's clock.
    package var accepted: Double
    package var began: Double?
    package var delivered: Double?
    package var switched: Double?
    package var hookStarted: Double?
    package var ended: Double?
    /// The latest time at which seeding ends.
    package var servedUntil: Double?
    package var detail: String?
    package var hook: HookState?
    package var receipt: String?
    /// The receipt was made, and not reported yet. Such a job is not let go.
    package var owesReceipt = false
    package var sources = ReceivedBytes()
    /// The state of the job in the Jobs module.
    package var engineState = Jobs.JobState.receiving
    package var engine = JobRecord()
    package var sums: FileSums?

    package struct HookState: Sendable, Hashable {
        package var attempt: Int64
        package var boot: String
        package var ending: HookEnding?

        package init(attempt: Int64, boot: String, ending: HookEnding?) {
            self.attempt = attempt
            self.boot = boot
            self.ending = ending
        }
    }

    package init(job: String, offer: JobOffer, life: TargetLife, root: String, destination: String?, accepted: Double) {
        self.job = job
        self.offer = offer
        self.life = life
        self.root = root
        self.destination = destination
        self.accepted = accepted
    }

    /// The record of an offer that this host does not take, for its receipt.
    /// - Parameter key: of this host's policy, which forbids it.
    init(refused offer: JobOffer, job: String, attempt: Int64, key: String, at now: Double) {
        var life = TargetLife(attempt: attempt, hasHook: false, isCache: offer.isCache)
        _ = life.handle(.mayNotReceive(key: key), at: now)
        self.init(job: job, offer: offer, life: life, root: "", destination: nil, accepted: now)
        ended = now
    }

    /// Whether a text is a valid job id. Ids are parts of paths.
    package static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count) && text.utf8.first != UInt8(ascii: ".")
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
                default: byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
                }
            }
    }
}

/// Bytes of a job by their source.
package struct ReceivedBytes: Sendable, Hashable {
    package var peers: Int64 = 0
    package var store: Int64 = 0
    package var web: Int64 = 0
    /// Copied from other files on this host.
    package var local: Int64 = 0

    package init() {}
}

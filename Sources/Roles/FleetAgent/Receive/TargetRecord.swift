import Fleet
import JSON
import Jobs
import Policy

/// What is written down of a job on this host: enough for the next agent to go on.
package struct TargetRecord: Sendable, Hashable {
    package let job: String
    package var offer: JobOffer
    package var life: TargetLife
    /// As it was decided when the job was accepted.
    package var root: String
    /// Where the content is put; nil for a cache, and while it is refused.
    package var destination: String?
    /// Of a rollback: the job whose content is to be visible again.
    package var restores: String?
    /// Seconds since 1970, by this host's clock.
    package var accepted: Double
    package var began: Double?
    package var delivered: Double?
    package var switched: Double?
    package var hookStarted: Double?
    package var ended: Double?
    /// When the service ends at the latest.
    package var servedUntil: Double?
    package var detail: String?
    package var hook: HookState?
    package var receipt: String?
    package var sources = ReceivedBytes()
    /// Of the job in the Jobs layer.
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

    /// Whether a text can be the name of a job: it is part of paths.
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

/// Bytes of a job by where they came from.
package struct ReceivedBytes: Sendable, Hashable {
    package var peers: Int64 = 0
    package var store: Int64 = 0
    package var web: Int64 = 0
    /// Copied on this host.
    package var local: Int64 = 0

    package init() {}
}

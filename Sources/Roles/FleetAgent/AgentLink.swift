import Fleet
import FleetLink
import JSON

/// The agent's link to control, as the agent uses it. Calls throw the refusal of control, or `unreachable` if no
/// control answers.
package protocol AgentLink: Sendable {
    var node: NodeID { get }
    /// The difference between this host's clock and control's.
    var difference: ClockDifference { get async }
    /// Signs a statement with the host's key. Returns a JWS in compact form.
    func sign(_ payload: JSONValue) async throws -> String
    /// Reports an event of a job. When this returns, the event is durable on this host, and will reach control when
    /// control is reachable.
    /// - Throws: if the event cannot be stored. The caller must report it again.
    func report(_ event: AgentReport) async throws(LinkRefusal)

    func plan(_ order: SendOrder, dryRun: Bool) async throws(LinkRefusal) -> SendPlan
    func key(for job: String, _ request: KeyRequest) async throws(LinkRefusal) -> KeyReply
    func start(_ job: String, _ request: StartRequest) async throws(LinkRefusal) -> StartReply
    func abandon(_ job: String, reason: String) async throws(LinkRefusal)
    func keep(metainfo torrent: [UInt8], of job: String) async throws(LinkRefusal)
    func metainfo(of job: String) async throws(LinkRefusal) -> [UInt8]
    func keep(grant: SourceGrant, of job: String) async throws(LinkRefusal)
    func grant(of job: String) async throws(LinkRefusal) -> SourceGrant
    func keep(digests: FileDigests, of job: String) async throws(LinkRefusal)
    func digests(of job: String) async throws(LinkRefusal) -> FileDigests
    func view(of job: String) async throws(LinkRefusal) -> JobView
    func announce(_ request: AnnounceRequest) async throws(LinkRefusal) -> AnnounceReply
}

/// An event of a job, without the number that the link assigns.
package struct AgentReport: Sendable, Hashable {
    package let job: String
    package let attempt: Int64
    /// This host's clock, in seconds since 1970.
    package let time: Double
    package let report: JobMachine.Report
    package let detail: String?
    package let receipt: String?
    package let sources: BytesBySource

    package init(
        job: String, attempt: Int64, time: Double, report: JobMachine.Report, detail: String? = nil,
        receipt: String? = nil, sources: BytesBySource = BytesBySource()
    ) {
        self.job = job
        self.attempt = attempt
        self.time = time
        self.report = report
        self.detail = detail
        self.receipt = receipt
        self.sources = sources
    }
}

extension LinkRefusal {
    /// No control has answered.
    package static func unreachable(_ reason: String) -> LinkRefusal {
        LinkRefusal(503, "unreachable", "no control answers: \(reason)", advice: "look at the network, and try again")
    }

    /// Whether the problem may be temporary.
    package var mayPass: Bool { status >= 500 || status == 429 }
}

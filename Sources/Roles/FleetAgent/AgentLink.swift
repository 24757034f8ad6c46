import Fleet
import FleetLink
import JSON

/// What the agent asks of its link to control. Calls fail with what control said, or with `unreachable`.
package protocol AgentLink: Sendable {
    var node: NodeID { get }
    /// How far this host's clock is from control's.
    var difference: ClockDifference { get async }
    /// Signed by the host's key: a JWS in compact form.
    func sign(_ payload: JSONValue) async throws -> String
    /// What happened to a job. It is durable here when this returns, and reaches control when control can be reached.
    /// - Throws: where it cannot be kept; it is to be said again.
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

/// An event of a job, before the link gives it its number.
package struct AgentReport: Sendable, Hashable {
    package let job: String
    package let attempt: Int64
    /// By this host's clock, in seconds since 1970.
    package let time: Double
    package let report: JobMachine.Report
    package let detail: String?
    package let receipt: String?

    package init(
        job: String, attempt: Int64, time: Double, report: JobMachine.Report, detail: String? = nil,
        receipt: String? = nil
    ) {
        self.job = job
        self.attempt = attempt
        self.time = time
        self.report = report
        self.detail = detail
        self.receipt = receipt
    }
}

extension LinkRefusal {
    /// No control answered.
    package static func unreachable(_ reason: String) -> LinkRefusal {
        LinkRefusal(503, "unreachable", "no control answers: \(reason)", advice: "look at the network, and try again")
    }

    /// Whether it may be gone by itself.
    package var mayPass: Bool { status >= 500 || status == 429 }
}

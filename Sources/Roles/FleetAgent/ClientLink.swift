import Fleet
import FleetLink
import Identity
import JSON

/// The link of an agent to the control servers of its fleet, over the network.
package struct ClientLink: AgentLink {
    package let node: NodeID
    private let client: LinkClient

    package init(_ client: LinkClient) async {
        self.client = client
        node = await client.node
    }

    package var difference: ClockDifference { get async { await client.clockDifference } }

    package func sign(_ payload: JSONValue) async throws -> String {
        try JWS.sign(payload, with: await client.hostKey, keyID: node.description)
    }

    package func report(_ event: AgentReport) async throws(LinkRefusal) {
        try await Self.call { () throws(LinkProblem) in
            try await client.report(
                event.report, job: event.job, attempt: event.attempt, detail: event.detail, receipt: event.receipt,
                sources: event.sources)
        }
    }

    package func plan(_ order: SendOrder, dryRun: Bool) async throws(LinkRefusal) -> SendPlan {
        try await Self.call { () throws(LinkProblem) in try await client.plan(order, dryRun: dryRun) }
    }

    package func key(for job: String, _ request: KeyRequest) async throws(LinkRefusal) -> KeyReply {
        try await Self.call { () throws(LinkProblem) in try await client.key(for: job, request) }
    }

    package func start(_ job: String, _ request: StartRequest) async throws(LinkRefusal) -> StartReply {
        try await Self.call { () throws(LinkProblem) in try await client.start(job, request) }
    }

    package func abandon(_ job: String, reason: String) async throws(LinkRefusal) {
        try await Self.call { () throws(LinkProblem) in try await client.abandon(job, reason: reason) }
    }

    package func keep(metainfo torrent: [UInt8], of job: String) async throws(LinkRefusal) {
        try await Self.call { () throws(LinkProblem) in try await client.keep(metainfo: torrent, of: job) }
    }

    package func metainfo(of job: String) async throws(LinkRefusal) -> [UInt8] {
        try await Self.call { () throws(LinkProblem) in try await client.metainfo(of: job) }
    }

    package func keep(grant: SourceGrant, of job: String) async throws(LinkRefusal) {
        try await Self.call { () throws(LinkProblem) in try await client.keep(grant: grant, of: job) }
    }

    package func grant(of job: String) async throws(LinkRefusal) -> SourceGrant {
        try await Self.call { () throws(LinkProblem) in try await client.grant(of: job) }
    }

    package func keep(digests: FileDigests, of job: String) async throws(LinkRefusal) {
        try await Self.call { () throws(LinkProblem) in try await client.keep(digests: digests, of: job) }
    }

    package func digests(of job: String) async throws(LinkRefusal) -> FileDigests {
        try await Self.call { () throws(LinkProblem) in try await client.digests(of: job) }
    }

    package func view(of job: String) async throws(LinkRefusal) -> JobView {
        try await Self.call { () throws(LinkProblem) in try await client.view(of: job) }
    }

    package func announce(_ request: AnnounceRequest) async throws(LinkRefusal) -> AnnounceReply {
        try await Self.call { () throws(LinkProblem) in try await client.announce(request) }
    }

    @discardableResult
    private static func call<R>(_ body: () async throws(LinkProblem) -> R) async throws(LinkRefusal) -> R {
        do throws(LinkProblem) { return try await body() } catch {
            if case .refused(let refusal) = error { throw refusal }
            throw .unreachable(error.description)
        }
    }
}

/// Connects the link's callbacks to an agent.
package struct AgentDelegate: LinkDelegate {
    private let agent: FleetAgent
    private let name: String

    /// - Parameter name: the node's name.
    package init(_ agent: FleetAgent, name: String) {
        self.agent = agent
        self.name = name
    }

    package func facts() async -> HostFacts { await agent.facts(name: name) }

    package func moment() async -> HostMoment? { await agent.moment() }

    package func figures(watched: Set<String>?) async -> [JobFigures] {
        let all = await agent.figures()
        guard let watched else { return all }
        return all.filter { watched.contains($0.job) }
    }

    package func take(_ commands: [FleetCommand]) async -> [String] {
        // Commands of one job run in order, those of different jobs at the same time.
        let byJob = Dictionary(grouping: commands, by: \.job)
        return await withTaskGroup(of: [String].self) { group in
            for commands in byJob.values {
                group.addTask {
                    var taken: [String] = []
                    for command in commands {
                        guard await agent.carryOut(command) else { break }
                        taken.append(command.id)
                    }
                    return taken
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
    }

    package func heard(_ news: LinkNews) async { await agent.heard(news) }
    package func failed(_ problem: LinkProblem, at control: ControlAddress) async {
        await agent.lost("\(control): \(problem)")
    }
}

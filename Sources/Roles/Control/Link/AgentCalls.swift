import Address
import Fleet
import FleetLink

/// All that agents ask of control: gives each call to the part that answers it. Owns nothing, and decides nothing.
package struct AgentCalls: LinkService {
    let admission: NodeAdmission
    let syncs: AgentSync
    let planner: JobPlanner
    let planned: PlannedJobs
    let starter: JobStarter
    let contents: JobContents
    let views: JobViews
    let jobSwarms: JobSwarms

    package func join(
        _ request: JoinRequest, publicKey: [UInt8], from address: PeerAddress
    ) async throws(LinkRefusal) -> JoinReply {
        try await admission.join(request, publicKey: publicKey, from: address)
    }

    package func renew(_ node: LinkCaller, publicKey: [UInt8]) async throws(LinkRefusal) -> JoinReply {
        try await admission.renew(node, publicKey: publicKey)
    }

    package func admits(_ node: LinkCaller) async throws(LinkRefusal) { try await admission.admits(node) }

    package func sync(_ request: SyncRequest, of node: LinkCaller) async throws(LinkRefusal) -> SyncReply {
        try await syncs.sync(request, of: node)
    }

    // MARK: Sending

    package func plan(
        _ order: SendOrder, dryRun: Bool, by node: LinkCaller
    ) async throws(LinkRefusal) -> SendPlan {
        try await planner.plan(order, dryRun: dryRun, by: node)
    }

    package func key(
        for job: String, _ request: KeyRequest, by node: LinkCaller
    ) async throws(LinkRefusal) -> KeyReply {
        try await starter.key(for: job, request, by: node)
    }

    package func start(
        _ job: String, _ request: StartRequest, by node: LinkCaller
    ) async throws(LinkRefusal) -> StartReply {
        try await starter.start(job, request, by: node)
    }

    package func abandon(_ job: String, reason: String, by node: LinkCaller) async throws(LinkRefusal) {
        try await planned.abandon(job, reason: reason, by: node.node)
    }

    // MARK: Content

    package func keep(metainfo torrent: [UInt8], of job: String, by node: LinkCaller) async throws(LinkRefusal) {
        try await contents.keep(metainfo: torrent, of: job, by: node.node)
    }

    package func metainfo(of job: String, for node: LinkCaller) async throws(LinkRefusal) -> [UInt8] {
        try await contents.metainfo(of: job, for: node.node)
    }

    package func keep(grant: SourceGrant, of job: String, by node: LinkCaller) async throws(LinkRefusal) {
        try await contents.keep(grant: grant, of: job, by: node.node)
    }

    package func grant(of job: String, for node: LinkCaller) async throws(LinkRefusal) -> SourceGrant {
        try await contents.grant(of: job, for: node.node)
    }

    package func keep(digests: FileDigests, of job: String, by node: LinkCaller) async throws(LinkRefusal) {
        try await contents.keep(digests: digests, of: job, by: node.node)
    }

    package func digests(of job: String, for node: LinkCaller) async throws(LinkRefusal) -> FileDigests {
        try await contents.digests(of: job, for: node.node)
    }

    // MARK: Jobs that run

    package func view(of job: String, for node: LinkCaller) async throws(LinkRefusal) -> JobView {
        try await views.view(of: job, for: node.node)
    }

    package func announce(_ request: AnnounceRequest, by node: LinkCaller) async throws(LinkRefusal) -> AnnounceReply {
        try jobSwarms.announce(request, by: node.node)
    }

    package func swarms(for node: LinkCaller) async throws(LinkRefusal) -> SwarmList {
        try jobSwarms.list(for: node.node)
    }
}

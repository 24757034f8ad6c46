import Fleet
import JSON
import Text

/// The calls of a node other than syncs.
extension LinkClient {
    /// Maximum bytes of a reply that may list a million targets.
    private static let mostTargets = 32 << 20

    /// - Parameter dryRun: control only checks the order, and creates no job.
    package func plan(_ order: SendOrder, dryRun: Bool) async throws(LinkProblem) -> SendPlan {
        try await transport.call(
            .POST, "jobs" + (dryRun ? "?dry_run=true" : ""), order, at: current, canBeRepeated: dryRun)
    }

    package func key(for job: String, _ request: KeyRequest) async throws(LinkProblem) -> KeyReply {
        try await transport.call(
            .POST, Self.path(job, "key"), request, at: current, most: Self.mostTargets, canBeRepeated: false)
    }

    package func start(_ job: String, _ request: StartRequest) async throws(LinkProblem) -> StartReply {
        try await transport.call(
            .POST, Self.path(job, "start"), request, at: current, canBeRepeated: request.request != nil)
    }

    package func abandon(_ job: String, reason: String) async throws(LinkProblem) {
        let text = String(reason.prefix(250))
        let answer = try await transport.call(
            LinkCall(
                method: .POST, path: "/agent/v1/" + Self.path(job, "abandon"),
                body: AbandonRequest(reason: text).bytes), at: current)
        try LinkTransport.check(answer, of: current)
    }

    /// - Parameter torrent: a torrent file, at most 64 MiB.
    package func keep(metainfo torrent: [UInt8], of job: String) async throws(LinkProblem) {
        let answer = try await transport.call(
            LinkCall(
                method: .PUT, path: "/agent/v1/" + Self.path(job, "metainfo"), body: torrent, patience: 600),
            at: current)
        try LinkTransport.check(answer, of: current)
    }

    package func metainfo(of job: String) async throws(LinkProblem) -> [UInt8] {
        let answer = try await transport.call(
            LinkCall(
                method: .GET, path: "/agent/v1/" + Self.path(job, "metainfo"), most: 64 << 20, patience: 600),
            at: current)
        try LinkTransport.check(answer, of: current)
        return answer.body
    }

    package func keep(grant: SourceGrant, of job: String) async throws(LinkProblem) {
        try await put(grant.bytes, Self.path(job, "sources"))
    }

    package func grant(of job: String) async throws(LinkProblem) -> SourceGrant {
        try await get(Self.path(job, "sources"), SourceGrant.limits)
    }

    package func keep(digests: FileDigests, of job: String) async throws(LinkProblem) {
        try await put(digests.bytes, Self.path(job, "digests"))
    }

    package func digests(of job: String) async throws(LinkProblem) -> FileDigests {
        try await get(Self.path(job, "digests"), FileDigests.limits)
    }

    private func put(_ body: [UInt8], _ path: String) async throws(LinkProblem) {
        let answer = try await transport.call(
            LinkCall(method: .PUT, path: "/agent/v1/" + path, body: body, patience: 600), at: current)
        try LinkTransport.check(answer, of: current)
    }

    private func get<Message: WireMessage>(_ path: String, _ limits: JSONLimits) async throws(LinkProblem) -> Message {
        let answer = try await transport.call(
            LinkCall(method: .GET, path: "/agent/v1/" + path, most: limits.maxBytes, patience: 30), at: current)
        try LinkTransport.check(answer, of: current)
        do throws(WireProblem) { return try Message(bytes: answer.body, limits: limits) } catch {
            throw .local("control's answer cannot be used: \(error)")
        }
    }

    package func view(of job: String) async throws(LinkProblem) -> JobView {
        try await transport.call(.GET, Self.path(job), AbandonRequest?.none, at: current)
    }

    /// Announces to the current control, or else to the first other control that answers. Announces to the remaining
    /// ones in the background. So every control knows all peers, and the loss of one makes no difference.
    /// - Throws: the error of the last control, if none answers.
    package func announce(_ request: AnnounceRequest) async throws(LinkProblem) -> AnnounceReply {
        var rest = [current] + controls.filter { $0 != current }
        var last = LinkProblem.cancelled
        while !rest.isEmpty {
            let control = rest.removeFirst()
            do throws(LinkProblem) {
                let reply: AnnounceReply = try await transport.call(
                    .POST, "announce", request, at: control, patience: 5)
                if control != current { await transport.release(control) }
                tell(rest, request)
                return reply
            } catch {
                last = error
            }
        }
        throw last
    }

    /// The swarms that a tracker of the fleet should serve.
    package func swarms() async throws(LinkProblem) -> SwarmList {
        try await transport.call(.GET, "swarms", AbandonRequest?.none, at: current, most: 4 << 20)
    }

    private static func path(_ job: String, _ rest: String = "") -> String {
        "jobs/" + PercentEncoding.encode(job.utf8) + (rest.isEmpty ? "" : "/" + rest)
    }
}

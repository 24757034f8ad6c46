import Fleet
import Text

/// Calls of a node beside its syncs.
extension LinkClient {
    /// Bytes of a reply that may name a million targets.
    private static let mostTargets = 32 << 20

    /// - Parameter dryRun: nothing is made.
    package func plan(_ order: SendOrder, dryRun: Bool) async throws(LinkProblem) -> SendPlan {
        try await transport.call(
            .POST, "jobs" + (dryRun ? "?dry_run=true" : ""), order, at: current, canBeRepeated: dryRun)
    }

    package func key(for job: String, _ request: KeyRequest) async throws(LinkProblem) -> KeyReply {
        try await transport.call(
            .POST, Self.path(job, "key"), request, at: current, most: Self.mostTargets, canBeRepeated: false)
    }

    package func start(_ job: String, _ request: StartRequest) async throws(LinkProblem) -> StartReply {
        try await transport.call(.POST, Self.path(job, "start"), request, at: current, canBeRepeated: false)
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

    package func view(of job: String) async throws(LinkProblem) -> JobView {
        try await transport.call(.GET, Self.path(job), AbandonRequest?.none, at: current)
    }

    /// Announces to all controls, and puts together what they answer. Silent ones do no harm.
    /// - Throws: the last problem, where none answers.
    package func announce(_ request: AnnounceRequest) async throws(LinkProblem) -> AnnounceReply {
        let (transport, controls) = (transport, controls)
        let results = await withTaskGroup(of: Result<AnnounceReply, LinkProblem>.self) { group in
            for control in controls {
                group.addTask {
                    do throws(LinkProblem) {
                        return .success(
                            try await transport.call(.POST, "announce", request, at: control, patience: 5))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        var reply: AnnounceReply?
        var last = LinkProblem.cancelled
        for result in results {
            switch result {
            case .success(let answer):
                let peers = (reply?.peers ?? []) + answer.peers.filter { !(reply?.peers.contains($0) ?? false) }
                reply = AnnounceReply(interval: min(reply?.interval ?? .infinity, answer.interval), peers: peers)
            case .failure(let problem): last = problem
            }
        }
        guard let reply else { throw last }
        return reply
    }

    private static func path(_ job: String, _ rest: String = "") -> String {
        "jobs/" + PercentEncoding.encode(job.utf8) + (rest.isEmpty ? "" : "/" + rest)
    }
}

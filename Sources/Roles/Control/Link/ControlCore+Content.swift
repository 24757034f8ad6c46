import Fleet
import FleetLink
import FleetStore
import Metainfo
import Threads

extension ControlCore {
    package func keep(metainfo torrent: [UInt8], of job: String, by node: LinkCaller) async throws(LinkRefusal) {
        let known = try await senders(job: job, node.node)
        guard !known.state.hasEnded, known.course == nil else {
            throw LinkRefusal(409, "running", "the job runs already, with the torrent that it has")
        }
        guard await Self.content(of: torrent) != nil else {
            throw LinkRefusal(422, "metainfo", "this is no torrent file")
        }
        try await linked { () throws(StoreError) in try await store.keep(metainfo: torrent, of: job) }
    }

    package func metainfo(of job: String, for node: LinkCaller) async throws(LinkRefusal) -> [UInt8] {
        let isTheirs = jobs.withLock { $0.ofNode[node.node]?.contains(job) ?? false }
        let (known, torrent) = try await linked { () throws(StoreError) in
            (try await store.job(job), try await store.metainfo(of: job))
        }
        guard let known, isTheirs || known.sender == node.node, let torrent else { throw Self.noJob }
        return torrent
    }

    package func keep(grant: SourceGrant, of job: String, by node: LinkCaller) async throws(LinkRefusal) {
        let known = try await senders(job: job, node.node)
        guard !known.state.hasEnded else { throw LinkRefusal(409, "ended", "the job has ended") }
        let now = now()
        guard grant.expires > now, grant.expires < now + Self.longestGrant else {
            throw LinkRefusal(422, "expires", "the URLs have run out, or would be valid for more than a day")
        }
        let sealed = try authority.seal(grant.bytes)
        try await linked { () throws(StoreError) in
            try await store.keep(grant: sealed, until: grant.expires, of: job)
        }
    }

    private static let longestGrant = 86_400.0

    package func grant(of job: String, for node: LinkCaller) async throws(LinkRefusal) -> SourceGrant {
        let facts = jobs.withLock { jobs in
            jobs.ofNode[node.node]?.contains(job) == true || jobs.facts[job]?.record.sender == node.node
        }
        guard facts else { throw Self.noJob }
        guard let sealed = try await linked({ () throws(StoreError) in try await store.grant(of: job) }) else {
            throw LinkRefusal(404, "no_sources", "the job's sender has signed no URLs")
        }
        let opened = try authority.open(sealed)
        do throws(WireProblem) { return try SourceGrant(bytes: opened, limits: SourceGrant.limits) } catch {
            throw LinkRefusal(500, "sources_damaged", "the URLs of the job's sources cannot be read")
        }
    }

    package func keep(digests: FileDigests, of job: String, by node: LinkCaller) async throws(LinkRefusal) {
        let known = try await senders(job: job, node.node)
        guard !known.state.hasEnded else { throw LinkRefusal(409, "ended", "the job has ended") }
        let doc = digests.bytes
        try await linked { () throws(StoreError) in try await store.keep(digests: doc, of: job) }
    }

    package func digests(of job: String, for node: LinkCaller) async throws(LinkRefusal) -> FileDigests {
        let isTheirs = jobs.withLock { $0.ofNode[node.node]?.contains(job) == true }
        guard isTheirs else { throw Self.noJob }
        guard let doc = try await linked({ () throws(StoreError) in try await store.digests(of: job) }) else {
            throw LinkRefusal(404, "no_digests", "the job's sender has said no digests")
        }
        do throws(WireProblem) { return try FileDigests(bytes: doc, limits: FileDigests.limits) } catch {
            throw LinkRefusal(500, "digests_damaged", "the digests of the job's files cannot be read")
        }
    }

    package func announce(_ request: AnnounceRequest, by node: LinkCaller) async throws(LinkRefusal) -> AnnounceReply {
        let (facts, isTarget) = jobs.withLock { jobs in
            (jobs.facts[request.job], jobs.ofNode[node.node]?.contains(request.job) ?? false)
        }
        guard let facts, isTarget || facts.record.sender == node.node else { throw Self.noJob }
        let site = roster.withLock { $0[node.node]?.record.site } ?? ""
        let now = now()
        var random = SystemRandomNumberGenerator()
        return peers.withLock {
            $0.announce(
                request, of: node.node, site: site, only: facts.givers(for: node.node), at: now, using: &random)
        }
    }

    /// What a torrent file is of; nil for any other file. Runs on its own thread, since a large file takes a while.
    static func content(of torrent: [UInt8]) async -> JobContent? {
        await Threads.offload(name: "metainfo") { () -> JobContent? in
            guard let info = try? Torrent.parse(torrent).info else { return nil }
            let files = info.layout.files.filter { !$0.isPadding }
            return JobContent(
                infoHashes: [info.hashes.v1?.hex, info.hashes.v2?.hex].compactMap(\.self), files: files.count,
                bytes: files.reduce(0) { $0 &+ $1.length })
        }
    }
}

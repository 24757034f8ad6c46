import Fleet
import FleetLink
import FleetStore
import Metainfo
import Threads

/// What describes the content of a job: its torrent, the signed URLs of its bucket, the digests of its files. A job's
/// sender puts them, and the nodes that take part get them. Owns nothing: all of it is in the database.
struct JobContents: Sendable {
    private static let longestGrant = 86_400.0

    let database: ControlDatabase
    let authority: any FleetAuthority
    let open: OpenJobs
    let planned: PlannedJobs

    // MARK: Torrents

    func keep(metainfo torrent: [UInt8], of job: String, by node: NodeID) async throws(LinkRefusal) {
        let known = try await planned.job(job, of: node)
        guard !known.state.hasEnded, known.course == nil else {
            throw LinkRefusal(409, "running", "the job runs already, with the torrent that it has")
        }
        guard await Self.content(of: torrent) != nil else {
            throw LinkRefusal(422, "metainfo", "this is no torrent file")
        }
        try await database.linked { () throws(StoreError) in
            try await database.store.keep(metainfo: torrent, of: job)
        }
    }

    func metainfo(of job: String, for node: NodeID) async throws(LinkRefusal) -> [UInt8] {
        let isTheirs = open.has(node, in: job)
        let (known, torrent) = try await database.linked { () throws(StoreError) in
            (try await database.store.job(job), try await database.store.metainfo(of: job))
        }
        guard let known, isTheirs || known.sender == node, let torrent else { throw .noJob }
        return torrent
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

    // MARK: Signed URLs

    func keep(grant: SourceGrant, of job: String, by node: NodeID) async throws(LinkRefusal) {
        let known = try await planned.job(job, of: node)
        guard !known.state.hasEnded else { throw LinkRefusal(409, "ended", "the job has ended") }
        let now = database.now()
        guard grant.expires > now, grant.expires < now + Self.longestGrant else {
            throw LinkRefusal(422, "expires", "the URLs have run out, or would be valid for more than a day")
        }
        let sealed = try authority.seal(grant.bytes)
        try await database.linked { () throws(StoreError) in
            try await database.store.keep(grant: sealed, until: grant.expires, of: job)
        }
    }

    func grant(of job: String, for node: NodeID) async throws(LinkRefusal) -> SourceGrant {
        guard open.isConcerned(node, in: job) else { throw .noJob }
        let known = try await database.linked { () throws(StoreError) in try await database.store.grant(of: job) }
        guard let sealed = known else {
            throw LinkRefusal(404, "no_sources", "the job's sender has signed no URLs")
        }
        let opened = try authority.open(sealed)
        do throws(WireProblem) { return try SourceGrant(bytes: opened, limits: SourceGrant.limits) } catch {
            throw LinkRefusal(500, "sources_damaged", "the URLs of the job's sources cannot be read")
        }
    }

    // MARK: Digests

    func keep(digests: FileDigests, of job: String, by node: NodeID) async throws(LinkRefusal) {
        let known = try await planned.job(job, of: node)
        guard !known.state.hasEnded else { throw LinkRefusal(409, "ended", "the job has ended") }
        let doc = digests.bytes
        try await database.linked { () throws(StoreError) in try await database.store.keep(digests: doc, of: job) }
    }

    func digests(of job: String, for node: NodeID) async throws(LinkRefusal) -> FileDigests {
        guard open.has(node, in: job) else { throw .noJob }
        let known = try await database.linked { () throws(StoreError) in try await database.store.digests(of: job) }
        guard let doc = known else { throw LinkRefusal(404, "no_digests", "the job's sender has said no digests") }
        do throws(WireProblem) { return try FileDigests(bytes: doc, limits: FileDigests.limits) } catch {
            throw LinkRefusal(500, "digests_damaged", "the digests of the job's files cannot be read")
        }
    }
}

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
        guard await !Self.infoHashes(of: torrent).isEmpty else {
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

    package func announce(_ request: AnnounceRequest, by node: LinkCaller) async throws(LinkRefusal) -> AnnounceReply {
        let (facts, isTarget) = jobs.withLock { jobs in
            (jobs.facts[request.job], jobs.ofNode[node.node]?.contains(request.job) ?? false)
        }
        guard let facts, isTarget || facts.record.sender == node.node else { throw Self.noJob }
        let site = roster.withLock { $0[node.node]?.record.site } ?? ""
        let now = now()
        let found = peers.withLock { peers in
            peers.announce(
                request.job, node.node, addresses: request.addresses, site: site, left: request.left,
                isOver: request.event == "stopped", at: now)
            return peers.peers(
                of: request.job, for: node.node, site: site, most: Int(clamping: request.wanted), at: now)
        }
        return AnnounceReply(interval: PeerBook.interval, peers: found)
    }

    /// The info hashes of a torrent file, in hexadecimal digits; empty for any other file. Runs on its own thread,
    /// since a large file takes a while.
    static func infoHashes(of torrent: [UInt8]) async -> Set<String> {
        await Threads.offload(name: "metainfo") {
            guard let hashes = try? Torrent.parse(torrent).info.hashes else { return [] }
            return Set([hashes.v1.map { "\($0)" }, hashes.v2?.hex].compactMap(\.self))
        }
    }
}

import Fleet
import Hashing
import Jobs
import Metainfo
import Policy
import Swarm

// Converts an offer to a job of the Jobs module.
extension Job {
    /// - Parameters:
    ///   - down: bytes a second; nil for no limit.
    ///   - digests: of all files; empty where they are not known.
    /// - Returns: nil where a file's name is none that this host can write.
    init?(
        _ record: TargetRecord, torrent: Torrent, terms: FleetClass, places: TargetPlaces, down: Int64?,
        digests: [SHA1Digest], context: AgentContext
    ) {
        var files: [JobFile] = []
        var indices: [Int: Int] = [:]
        for (index, file) in torrent.info.layout.files.enumerated() where !file.isPadding {
            let bytes = torrent.info.isSingleFile ? torrent.info.name.bytes : file.path.bytes
            guard let path = String(validating: bytes, as: UTF8.self) else { return nil }
            indices[files.count] = index
            // Only what is copied needs a digest of the whole file: the rest is verified by pieces, and not read again.
            let isHere = record.engine.local.contains(files.count) && digests.indices.contains(files.count)
            files.append(JobFile(path: path, size: file.length, digest: isHere ? digests[files.count] : nil))
        }
        var torrent = torrent
        torrent.trackers = record.offer.trackers.map { [JobTicket.url($0, record.offer.ticket)] }
        let sizes = files.map(\.size)
        var plan = DeliveryPlan(
            sizes: sizes, homes: sizes.map { _ in DeliveryMethod.bt }, torrentFiles: Set(sizes.indices), usable: [.bt],
            seedTime: Int(context.settings.longestService))
        plan.localFiles = record.engine.local.filter { files.indices.contains($0) && files[$0].digest != nil }
        plan.gives = terms.peerToPeer || record.life.isCache
        // The agent itself says when nothing has come for too long.
        plan.settings.sourceTimeout = Double(terms.timeout) * 4 + 60
        terms.sources.apply(to: &plan, timeout: terms.timeout)
        // What is called the peers' limit here is that of the whole transfer.
        let limits = PerMethod<Int?>(
            bt: down.map { Int(clamping: $0) }, obs: terms.sources.bucket?.limit.map { Int(clamping: $0) },
            cdn: terms.sources.cdn?.limit.map { Int(clamping: $0) })
        self.init(
            name: record.job, files: files, isSingleFile: torrent.info.isSingleFile,
            torrents: JobTorrents(served: JobTorrent(torrent, indices: indices)), plan: plan, places: places.job,
            sources: JobSources(terms.sources, job: record.job, name: record.offer.name, context: context),
            rateLimits: limits)
    }
}

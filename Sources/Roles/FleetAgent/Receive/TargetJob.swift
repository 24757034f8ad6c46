import Fleet
import Jobs
import Metainfo
import Policy
import Swarm

// Converts an offer to a job of the Jobs module.
extension Job {
    /// - Parameters:
    ///   - down: limit in bytes a second; nil for no limit.
    /// - Returns: nil if a file's name is not valid UTF-8.
    init?(
        _ record: TargetRecord, torrent: Torrent, terms: FleetClass, places: TargetPlaces, down: Int64?,
        settings: AgentTunables
    ) {
        var files: [JobFile] = []
        var indices: [Int: Int] = [:]
        for (index, file) in torrent.info.layout.files.enumerated() where !file.isPadding {
            let bytes = torrent.info.isSingleFile ? torrent.info.name.bytes : file.path.bytes
            guard let path = String(validating: bytes, as: UTF8.self) else { return nil }
            indices[files.count] = index
            files.append(JobFile(path: path, size: file.length, digest: nil))
        }
        var torrent = torrent
        torrent.trackers = record.offer.trackers.map { [$0] }
        let sizes = files.map(\.size)
        var plan = DeliveryPlan(
            sizes: sizes, homes: sizes.map { _ in DeliveryMethod.bt }, torrentFiles: Set(sizes.indices), usable: [.bt],
            seedTime: Int(settings.longestService))
        // The agent itself says when nothing has come for too long.
        plan.settings.sourceTimeout = Double(terms.timeout) * 4 + 60
        var limits = PerMethod<Int?>(repeating: nil)
        limits.bt = down.map { Int(clamping: $0) }
        self.init(
            name: record.job, files: files, isSingleFile: torrent.info.isSingleFile,
            torrents: JobTorrents(served: JobTorrent(torrent, indices: indices)), plan: plan, places: places.job,
            sources: .none, rateLimits: limits)
    }
}

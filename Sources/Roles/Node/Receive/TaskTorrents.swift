import BFT
import Jobs
import Metainfo

/// The torrents of a task that is received: which are needed, where they are stored, and how their files map to the
/// task's.
struct TaskTorrents: Sendable {
    /// The torrent that peers serve: that of the share, or the full one if everything goes by BitTorrent. Nil without a
    /// share.
    var served: Torrent?
    /// The full torrent, for files of the other methods. Nil if `served` contains everything.
    var full: Torrent?

    /// The torrents that a node of this role needs for a task.
    static func needs(_ task: TaskFile, role: NodeRole) -> (share: Bool, full: Bool) {
        let others = role != .cacher && (!task.lists.obs.isEmpty || !task.lists.cdn.isEmpty)
        return (task.needsTmpTorrent, task.shares.isTorrentOnly || others)
    }

    private static let servedName = "served.torrent"
    private static let fullName = "full.torrent"

    /// The torrents saved in a task's directory; nil if one that is needed is missing.
    static func load(from work: String, task: TaskFile, role: NodeRole) -> TaskTorrents? {
        let needs = needs(task, role: role)
        func read(_ name: String) -> Torrent? {
            guard let bytes = try? PathFiles.read("\(work)/\(name)", limit: 64 << 20) else { return nil }
            return try? Torrent.parse(bytes)
        }
        var torrents = TaskTorrents()
        let full = needs.full ? read(fullName) : nil
        if needs.full, full == nil || !TorrentFetcher.matches(full, task.bt.infoHash) { return nil }
        if needs.share {
            torrents.served = read(servedName)
            guard TorrentFetcher.matches(torrents.served, task.bt.tmpInfoHash), torrents.served != nil else {
                return nil
            }
            torrents.full = full
        } else if task.shares.isTorrentOnly {
            torrents.served = full
        } else {
            torrents.full = full
        }
        return torrents
    }

    func save(to work: String, task: TaskFile) throws(FileFailure) {
        try PathFiles.makeDirectory(work)
        if task.needsTmpTorrent {
            if let served { try PathFiles.write(served.encode(), to: "\(work)/\(Self.servedName)") }
            if let full { try PathFiles.write(full.encode(), to: "\(work)/\(Self.fullName)") }
        } else if let any = full ?? served {
            try PathFiles.write(any.encode(), to: "\(work)/\(Self.fullName)")
        }
    }

    /// Loads the needed torrents, with limits, and checks them against the task.
    /// - Throws: recv's text.
    static func fetch(
        _ task: TaskFile, role: NodeRole, by fetcher: TorrentFetcher
    ) async throws(RecvRefusal) -> TaskTorrents {
        let needs = needs(task, role: role)
        if needs.share, task.bt.tmpURL.isEmpty { throw RecvRefusal(RecvFailureText.noTmpURL) }
        async let share = needs.share ? get(task.bt.tmpURL, task.bt.tmpInfoHash, fetcher) : .success(nil)
        async let full = needs.full ? get(task.bt.url, task.bt.infoHash, fetcher) : .success(nil)
        var torrents = TaskTorrents()
        switch await full {
        case .success(let torrent): torrents.full = torrent
        case .failure(.unreachable):
            throw RecvRefusal(RecvFailureText.noTorrent(url: task.bt.url), mayPass: true)
        case .failure(.wrongContent): throw RecvRefusal(RecvFailureText.torrentDiffers(url: task.bt.url))
        }
        switch await share {
        case .success(let torrent): torrents.served = torrent
        case .failure(.unreachable):
            throw RecvRefusal(RecvFailureText.noTmpTorrent(url: task.bt.tmpURL), mayPass: true)
        case .failure(.wrongContent): throw RecvRefusal(RecvFailureText.torrentDiffers(url: task.bt.tmpURL))
        }
        if let full = torrents.full, !Self.holds(full, Array(task.fileList.indices), of: task) {
            throw RecvRefusal(RecvFailureText.torrentDiffers(url: task.bt.url))
        }
        let places = task.places()
        if let served = torrents.served, !Self.holds(served, task.lists.bt.compactMap { places[$0] }, of: task) {
            throw RecvRefusal(RecvFailureText.torrentDiffers(url: task.bt.tmpURL))
        }
        if task.shares.isTorrentOnly {
            torrents.served = torrents.full
            torrents.full = nil
        }
        return torrents
    }

    private static func get(
        _ url: String, _ infoHash: String, _ fetcher: TorrentFetcher
    ) async -> Result<Torrent?, TorrentFetchFailure> {
        do throws(TorrentFetchFailure) { return .success(try await fetcher.fetch(url, infoHash: infoHash)) } catch {
            return .failure(error)
        }
    }

    /// Whether a torrent contains exactly these files of the task, by name and size. Empty files may be missing.
    static func holds(_ torrent: Torrent, _ files: [Int], of task: TaskFile) -> Bool {
        guard torrent.info.isSingleFile == (task.type == .file) else { return false }
        var wanted: [SafePath: Int64] = [:]
        for index in files where task.fileList[index].size > 0 {
            wanted[task.fileList[index].path] = task.fileList[index].size
        }
        let own = torrent.info.layout.files.filter { !$0.isPadding && $0.length > 0 }
        if task.type == .file { return own.count == 1 && own[0].length == wanted.values.first }
        return own.count == wanted.count && own.allSatisfy { wanted[$0.path] == $0.length }
    }

    /// For each file of the task its index in a torrent's layout.
    static func map(_ torrent: Torrent?, _ task: TaskFile) -> [Int: Int] {
        guard let torrent else { return [:] }
        let files = torrent.info.layout.files
        if task.type == .file {
            return files.indices.first { !files[$0].isPadding }.map { [0: $0] } ?? [:]
        }
        let places = task.places()
        var map: [Int: Int] = [:]
        for (index, file) in files.enumerated() where !file.isPadding {
            if let place = places[file.path] { map[place] = index }
        }
        return map
    }
}

/// Why recv refuses a task, in the words of the API.
struct RecvRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    let description: String
    /// Whether the reason is a server that could not be reached, and may be temporary.
    let mayPass: Bool

    init(_ description: String, mayPass: Bool = false) {
        self.description = description
        self.mayPass = mayPass
    }
}

import Fleet
import FleetLink
import Hashing
import Jobs
import Metainfo
import Swarm
import Threads

/// Gets the torrent of a job: from peers (BEP 9), or from control if no peer has sent it in time.
struct MetainfoFetch: Sendable {
    let context: AgentContext
    let job: String
    let offer: JobOffer
    let options: TransferOptions
    /// A directory of the job, for temporary files of the engine.
    let scratch: OwnTree

    /// Maximum length of a torrent file, in bytes.
    static let most = 64 << 20

    /// Tries until it has the torrent. Nil if the task is cancelled.
    func run() async -> Torrent? {
        var pause = 1.0
        while !Task.isCancelled {
            if let torrent = await fromPeers() { return torrent }
            if let torrent = await fromControl() { return torrent }
            await context.clock.sleep(seconds: pause)
            pause = min(pause * 2, 60)
        }
        return nil
    }

    private func fromPeers() async -> Torrent? {
        guard !options.extraPeers.isEmpty, let hashes = offer.content.hashes else { return nil }
        let place = "\(scratch.path)/metainfo"
        var options = options
        // Only the metainfo is fetched. The engine's own files go into a separate directory.
        options.staging = StagingPlace(contentPath: place + "/content", recordPath: place + "/record")
        options.fileIndices = []
        options.usesWebSeeds = false
        let made: Void? = await Threads.offload { try? PathFiles.makeDirectory(place) }
        guard made != nil,
            let transfer = try? await context.swarm.get(magnet: Magnet(hashes: hashes), into: place, options: options)
        else { return nil }
        let patience = context.settings.metainfoPatience
        let clock = context.clock
        let info = await withTaskGroup(of: Info?.self) { group in
            group.addTask {
                for await event in transfer.events {
                    if case .metadata(let info) = event { return info }
                    if case .failed = event { return nil }
                }
                return nil
            }
            group.addTask {
                await clock.sleep(seconds: patience)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        await transfer.stop()
        await Threads.offload { scratch.remove(place) }
        return info.map { Torrent(info: $0) }.flatMap { offer.content.fits($0) ? $0 : nil }
    }

    private func fromControl() async -> Torrent? {
        guard let bytes = try? await context.link.metainfo(of: job), bytes.count <= Self.most else { return nil }
        let torrent = await Threads.offload { try? Torrent.parse(bytes) }
        return torrent.flatMap { offer.content.fits($0) ? $0 : nil }
    }
}

extension JobContent {
    /// The parsed info hashes; nil if none of them is valid.
    var hashes: InfoHashes? {
        let v1 = infoHashes.first { $0.utf8.count == 40 }.flatMap { SHA1Digest(hex: $0) }
        let v2 = infoHashes.first { $0.utf8.count == 64 }.flatMap { SHA256Digest(hex: $0) }
        return InfoHashes(v1: v1, v2: v2)
    }

    /// Whether a torrent has these info hashes, this number of files and this size.
    func fits(_ torrent: Torrent) -> Bool {
        guard let hashes else { return false }
        let own = torrent.info.hashes
        let files = torrent.info.layout.files.filter { !$0.isPadding }
        return (hashes.v1 == nil || hashes.v1 == own.v1) && (hashes.v2 == nil || hashes.v2 == own.v2)
            && files.count == self.files && files.reduce(0) { $0 &+ $1.length } == bytes
    }

    package init(_ torrent: Torrent) {
        let files = torrent.info.layout.files.filter { !$0.isPadding }
        self.init(
            infoHashes: [torrent.info.hashes.v1?.hex, torrent.info.hashes.v2?.hex].compactMap(\.self),
            files: files.count, bytes: files.reduce(0) { $0 &+ $1.length })
    }
}

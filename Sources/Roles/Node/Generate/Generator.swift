import Authoring
import BFT
import Hashing
import Jobs
import Metainfo
import Policy
import Threads

/// Makes and carries out a plan. Blocks or computes, so it must not run on an actor.
struct Generator: Sendable {
    let configuration: NodeConfiguration
    let library: any ContentLibrary
    let clock: any JobClock

    private var paths: NodePaths { NodePaths(configuration) }

    /// Scans the content, divides it among the methods and collects known digests. Reads no content.
    func plan(_ request: GenerateRequest) async throws(GenerateFailure) -> GeneratePlan {
        let path = request.contentPath
        let content = try await Threads.offload { () throws(GenerateFailure) in
            do throws(AuthoringError) { return try ContentScanner.scan(path) } catch {
                throw GenerateFailure(error.description)
            }
        }
        guard let name = content.name.string else { throw GenerateFailure("the name of \(path) is not UTF-8") }
        // Before hours of hashing: each file has its path twice in the task, in two lists, and its hash.
        try Self.checkSize(content.files.reduce(0) { $0 + 2 * $1.path.bytes.count + 40 }, of: content)
        let split = ContentSplit.assign(
            content.files.map(\.length), shares: request.shares, torrentOrder: configuration.keepsTorrentOrder)
        let bt = (split[.bt] ?? []).sorted()
        let hasShare = !request.shares.isTorrentOnly && request.shares.bt > 0 && !bt.isEmpty
        let torrentPath = paths.torrent(ofContent: path)
        let sharePath = hasShare ? paths.tmpTorrent(request.subdirectory, name) : nil
        let memoryPath = "\(configuration.dataPath)/sender/.hashes/\(request.subdirectory.text)-\(name)"
        let version: Info.Version = configuration.torrentFormat == .hybrid ? .hybrid : .v1
        var torrents = ContentTorrents(
            content: content, version: version, tracker: request.tracker, shareFiles: hasShare ? bt : nil, known: [:])
        if !request.deletesOld {
            let newest = content.files.map { ($0.identity.seconds, $0.identity.nanoseconds) }.max { $0 < $1 } ?? (0, 0)
            torrents.oldFull = Self.torrent(at: torrentPath, newerThan: newest)
            torrents.oldShare = sharePath.flatMap { Self.torrent(at: $0, newerThan: newest) }
        }
        let memory = HashMemory(path: memoryPath)
        for (index, file) in content.files.enumerated() {
            let filePath = Self.systemPath(file, content)
            if let digest = memory.digest(filePath, file.identity) {
                torrents.known[index] = digest
            } else if let digest = await library.digest(of: filePath) {
                torrents.known[index] = digest
            }
        }
        return GeneratePlan(
            request: request, torrents: torrents, torrentPath: torrentPath, shareTorrentPath: sharePath, split: split,
            memoryPath: memoryPath, generationTime: clock.text)
    }

    /// Makes the torrents and the task file. The task file is written last: when it exists, everything does.
    func run(_ plan: GeneratePlan) async throws(GenerateFailure) -> TaskFile {
        let made: ContentTorrents.Result
        do throws(AuthoringError) { made = try await plan.torrents.make() } catch {
            throw GenerateFailure(error.description)
        }
        let task = try task(plan, made)
        try await Threads.offload { () throws(GenerateFailure) in
            let encoded = task.encode()
            try Self.checkSize(encoded.count, of: plan.torrents.content)
            do throws(FileFailure) {
                try Self.save(made.full, to: plan.torrentPath)
                if let share = made.share, let path = plan.shareTorrentPath { try Self.save(share, to: path) }
                var memory = HashMemory()
                for (index, file) in plan.torrents.content.files.enumerated() {
                    memory.remember(
                        Self.systemPath(file, plan.torrents.content), file.identity, made.digests[index])
                }
                memory.save(to: plan.memoryPath)
                try TaskRoots(configuration).outputSite(plan.request.taskPath).write(encoded)
            } catch {
                throw GenerateFailure(error.description)
            }
        }
        return task
    }

    private func task(_ plan: GeneratePlan, _ made: ContentTorrents.Result) throws(GenerateFailure) -> TaskFile {
        let content = plan.torrents.content
        let request = plan.request
        guard let name = content.name.string else { throw GenerateFailure("the content's name is not UTF-8") }
        let entries = content.files.indices.map { index in
            TaskFileEntry(
                path: filePath(content.files[index], content), hash: made.digests[index].hex,
                size: content.files[index].length)
        }
        var task = TaskFile(
            name: name, subdirectory: request.subdirectory, shares: request.shares, fileList: entries)
        task.type = content.isSingleFile ? .file : .dir
        task.senderID = configuration.senderID
        let slash = request.contentPath.lastIndex(of: "/") ?? request.contentPath.startIndex
        task.senderLocalPath = String(request.contentPath[..<slash])
        task.dataSource = request.dataSource
        task.policy = request.policy
        task.setSplit(plan.split)
        task.bt.localTorrent = plan.torrentPath
        task.bt.url = paths.url(domain: configuration.senderDomain, path: plan.torrentPath) ?? ""
        task.bt.tmpURL = plan.shareTorrentPath.flatMap { paths.url(domain: configuration.senderDomain, path: $0) } ?? ""
        task.bt.tracker = request.tracker
        task.bt.seedTime = request.seedTime
        task.bt.infoHash = Self.hash(made.full)
        task.bt.tmpInfoHash = made.share.map(Self.hash) ?? ""
        task.obs.url =
            request.storeURL.isEmpty
            ? configuration.storeURL(of: name, in: request.subdirectory) : request.storeURL
        task.obs.keys = request.storeKeys
        task.cdn.url = paths.url(domain: configuration.cdnURL, path: request.contentPath) ?? ""
        if request.policy == .priortime {
            task.bt.window = configuration.windows.bt
            task.obs.window = configuration.windows.obs
            task.cdn.window = configuration.windows.cdn
        }
        task.generationTime = plan.generationTime
        return task
    }

    /// No node reads a larger task file than that.
    /// - Parameter bytes: of the task file, or fewer.
    private static func checkSize(_ bytes: Int, of content: ScannedContent) throws(GenerateFailure) {
        guard bytes > TaskDirectories.mostBytes else { return }
        throw GenerateFailure(
            "error, the content has \(content.files.count) files, too many for one task, whose file may have "
                + "\(TaskDirectories.mostBytes >> 20) MiB: divide it.")
    }

    private static func hash(_ torrent: Torrent) -> String {
        torrent.info.hashes.v1?.hex ?? torrent.info.hashes.v2?.hex ?? ""
    }

    /// The path in the task file: for a single-file content, the file's own name.
    private func filePath(_ file: ScannedFile, _ content: ScannedContent) -> SafePath {
        guard file.path.isEmpty else { return file.path }
        return (try? SafePath(components: [content.name.bytes])) ?? file.path
    }

    private static func systemPath(_ file: ScannedFile, _ content: ScannedContent) -> String {
        let root = String(decoding: content.root, as: UTF8.self)
        return file.path.isEmpty ? root : root + "/" + String(decoding: file.path.bytes, as: UTF8.self)
    }

    /// A torrent that was made after the last change of the content.
    private static func torrent(at path: String, newerThan time: (Int64, Int64)) -> Torrent? {
        guard let status = PathFiles.status(path), status.kind == .file,
            (status.modified / 1_000_000_000, status.modified % 1_000_000_000) >= time,
            let bytes = try? PathFiles.read(path, limit: 64 << 20)
        else { return nil }
        return try? Torrent.parse(bytes)
    }

    /// Keeps an existing torrent: its time shows that it is as new as the content.
    private static func save(_ torrent: Torrent, to path: String) throws(FileFailure) {
        let bytes = torrent.encode()
        if let old = try? PathFiles.read(path, limit: 64 << 20), old == bytes { return }
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        try PathFiles.makeDirectory(String(path[..<slash]))
        try PathFiles.write(bytes, to: path)
    }
}

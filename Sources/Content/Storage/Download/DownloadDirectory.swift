import Files
import Glibc
import Metainfo
import Synchronization

/// A download into DIR: unfinished content in `DIR/.NAME.swoop/content/NAME` beside its record, finished content at
/// `DIR/NAME`.
///
///     let download = try DownloadDirectory.open(directory: dir, info: info)
///     switch try download.prepare(hashes: hashes) {
///     case .complete(let files): // seed
///     case .incomplete(let files, let have): // fetch; write to `files`; `checkpoint` after each sync; then `publish`
///     }
///
/// What may happen to what is at DIR/NAME already: right pieces of it are reused; what is missing is added; what is
/// wrong is replaced only when `overwrite` is set, and never anything that the torrent does not name. Where nothing is
/// there, or a single file, publishing is one rename. Into a directory that is there the files move one by one, each
/// with one rename, and a marker makes an interrupted move go on at the next start.
package final class DownloadDirectory: Sendable {
    package struct Options: Sendable {
        /// Whether wrong content at DIR/NAME may be replaced.
        package var overwrite = false
        package var preallocation = Preallocation.sparse
        package var limits = StorageLimits()
        /// Where complete content is vouched for; nil for nowhere.
        package var vouching: VouchingStore?

        package init() {}
    }

    package enum Preparation: Sendable {
        /// DIR/NAME contains everything that is wanted, verified just now.
        case complete(ContentFiles)
        /// Something is to be fetched, or all is here but not published yet. `have`: pieces that are durable and right.
        case incomplete(ContentFiles, have: PieceSet)
    }

    package let info: Info
    package let options: Options
    /// DIR in its canonical form.
    package let directoryPath: String
    let layer: any FileLayer
    let place: HeldFile
    let state = Mutex(State())

    struct State: Sendable {
        var work: WorkDirectory?
        var files: ContentFiles?
        /// Pieces that came from DIR/NAME and so need no comparing with it.
        var reused: PieceSet?
        /// Publication has begun to move what was finished: it cannot simply be done again.
        var hasBegunMoving = false
    }

    package var hasBegunMoving: Bool { state.withLock { $0.hasBegunMoving } }

    init(info: Info, options: Options, directoryPath: String, layer: any FileLayer, place: HeldFile) {
        self.info = info
        self.options = options
        self.directoryPath = directoryPath
        self.layer = layer
        self.place = place
    }

    /// Opens DIR; creates it if it is missing. Nothing else is written yet.
    /// - Throws: `.conflict` for a torrent with a name of the form `.NAME.swoop`.
    package static func open(
        directory: String, info: Info, options: Options = Options(), layer: any FileLayer = SystemFileLayer()
    ) throws(StorageError) -> DownloadDirectory {
        // Content with such a name could act as the state of another download, with a record that vouches for it.
        guard !WorkNames.isWorkDirectory(FileName(info.name)) else {
            throw StorageError(
                .conflict, "use", path: directory + "/" + FileName(info.name).text,
                detail: "names of this form are those of unfinished downloads")
        }
        do {
            try layer.makeDirectories(path: directory)
            let place = HeldFile(try layer.openDirectory(path: directory), layer: layer)
            let canonical = try layer.canonicalPath(directory)
            return DownloadDirectory(
                info: info, options: options, directoryPath: canonical == "/" ? "" : canonical, layer: layer,
                place: place)
        } catch {
            throw StorageError(error, "open", path: directory)
        }
    }

    var name: FileName { FileName(info.name) }
    /// DIR/NAME, in the form for other programs. Must be escaped for display.
    package var contentPath: String { directoryPath + "/" + name.text }
    var publishedRoot: ContentRoot { ContentRoot(holder: place, name: name, path: contentPath) }
    var layout: ContentLayout { info.layout }

    // MARK: While it runs

    /// Makes durable what was written, then records it: `pieces` are all that a restart may believe. They must have
    /// been written before the call.
    package func checkpoint(_ pieces: PieceSet) throws(StorageError) {
        let (work, files) = state.withLock { ($0.work, $0.files) }
        guard let work, let files else {
            throw StorageError(.misuse, "record", path: contentPath, detail: "no download is under way")
        }
        try files.synchronize()
        try record(pieces, selection: files.selection, in: work)
    }

    func record(
        _ pieces: PieceSet, selection: FileSelection, in work: WorkDirectory
    ) throws(StorageError) {
        let record = ResumeRecord(hashes: info.hashes, pieces: pieces, selection: selection)
        try work.small.save(record.encode(), as: WorkNames.record, temporary: WorkNames.recordTemporary)
    }

    /// Keeps the metainfo as it was received (a whole .torrent file), so that a download from a magnet link resumes
    /// from `savedMetainfo`.
    package func save(metainfo: [UInt8]) throws(StorageError) {
        guard let work = state.withLock({ $0.work }) else { return }
        try work.small.save(metainfo, as: WorkNames.torrent, temporary: WorkNames.torrentTemporary)
    }

    /// The metainfo kept by an unfinished download in DIR with one of these info hashes, if there is one. The caller
    /// parses it and compares the hash.
    package static func savedMetainfo(
        directory: String, hashes: InfoHashes, limits: StorageLimits = StorageLimits(),
        layer: any FileLayer = SystemFileLayer()
    ) -> [UInt8]? {
        guard let descriptor = try? layer.openDirectory(path: directory) else { return nil }
        let place = HeldFile(descriptor, layer: layer)
        guard let names = try? layer.list(place.descriptor) else { return nil }
        for name in names where WorkNames.isWorkDirectory(name) {
            guard let own = try? layer.openDirectory(name, in: place.descriptor, followSymlink: false) else { continue }
            defer { layer.close(own) }
            let small = SmallFiles(layer: layer, directory: own, path: "\(directory)/\(name)")
            guard let bytes = try? small.read(WorkNames.torrent, limit: limits.recordBytes),
                let torrent = try? Torrent.parse(bytes)
            else { continue }
            let found = torrent.info.hashes
            let sameV1 = hashes.v1.map { $0 == found.v1 } ?? true
            let sameV2 = hashes.v2.map { $0 == found.v2 } ?? true
            if sameV1, sameV2 { return bytes }
        }
        return nil
    }

    /// Releases the lock and everything open. The state stays on disk for a later start.
    package func close() {
        let work = state.withLock { state -> WorkDirectory? in
            defer { state = State() }
            state.files?.dropCaches()
            return state.work
        }
        work?.removeIfUnused()
    }
}

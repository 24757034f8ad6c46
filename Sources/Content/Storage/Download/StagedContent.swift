import Files
import Glibc
import Metainfo
import Synchronization

/// A download to a place that its owner chose; the owner gives it its final name.
///
/// Content is written at `contentPath`, regardless of the torrent's name; record and lock are in the directory
/// `recordPath`. Nothing is moved or removed here. Several instances, each with a record of its own, may write
/// different files below one `contentPath` at the same time.
package final class StagedContent: Sendable {
    package struct Options: Sendable {
        package var preallocation = Preallocation.sparse
        package var limits = StorageLimits()
        /// Where complete content is vouched for when it has its final place; nil for nowhere.
        package var vouching: VouchingStore?

        package init() {}
    }

    package let info: Info
    package let options: Options
    package let recordPath: String
    let layer: any FileLayer
    private let root: ContentRoot
    private let state: Mutex<State>

    private struct State: Sendable {
        /// Nil after closing.
        var record: HeldFile?
        var lock: HeldFile?
        var files: ContentFiles?
        var path: String
    }

    private init(
        info: Info, options: Options, recordPath: String, layer: any FileLayer, root: ContentRoot, record: HeldFile,
        lock: HeldFile
    ) {
        self.info = info
        self.options = options
        self.recordPath = recordPath
        self.layer = layer
        self.root = root
        state = Mutex(State(record: record, lock: lock, path: root.path))
    }

    /// Creates `recordPath` and the directory for the content if they are missing, and takes the lock.
    /// - Throws: `.locked` while another transfer has the same `recordPath`, `.misuse` for a path that does not end in
    ///   a name.
    package static func open(
        contentPath: String, recordPath: String, info: Info, options: Options = Options(),
        layer: any FileLayer = SystemFileLayer()
    ) throws(StorageError) -> StagedContent {
        let bytes = Array(contentPath.utf8)
        let cut = bytes.lastIndex(of: UInt8(ascii: "/"))
        guard let name = FileName(bytes[(cut.map { $0 + 1 } ?? 0)...]) else {
            throw StorageError(.misuse, "stage", path: contentPath, detail: "the path ends in no name")
        }
        let parent = cut.map { $0 == 0 ? "/" : String(decoding: bytes[..<$0], as: UTF8.self) } ?? "."
        for _ in 0..<16 {
            do {
                try layer.makeDirectories(path: parent)
                try layer.makeDirectories(path: recordPath)
                let record = HeldFile(try layer.openDirectory(path: recordPath), layer: layer)
                guard let lock = try WorkDirectory.takeLock(in: record, path: recordPath, layer) else { continue }
                let root = try ContentRoot.at(directory: parent, name: name, layer: layer)
                return StagedContent(
                    info: info, options: options, recordPath: recordPath, layer: layer, root: root, record: record,
                    lock: lock)
            } catch let error as SystemError {
                // The directory of a finished transfer may be in the process of being removed.
                if error.number == ENOENT { continue }
                throw StorageError(error, "open", path: recordPath)
            } catch let error as StorageError {
                throw error
            } catch {
                throw StorageError(.io(0), "open", path: recordPath)
            }
        }
        throw StorageError(.vanished, "open", path: recordPath)
    }

    /// The current location of the content.
    package var contentPath: String { state.withLock { $0.path } }

    // MARK: While it runs

    /// Finds existing data. A record of another torrent is ignored: then all existing data is hashed.
    /// - Parameters:
    ///   - selection: the files to write; other files below the same path are never changed.
    ///   - progress: of checking, from any thread.
    /// - Returns: the files, and the pieces that are durable and correct.
    package func prepare(
        hashes: PieceHashes, selection: FileSelection, parallelism: Parallelism = .none,
        progress: @escaping @Sendable (CheckProgress) -> Void = { _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(StorageError) -> (files: ContentFiles, have: PieceSet) {
        let files = ContentFiles(
            layout: info.layout, root: root, access: .downloading, selection: selection,
            preallocation: options.preallocation, limits: options.limits, layer: layer)
        var check = ContentCheck(files: files, hashes: hashes)
        check.trusted = try recordedPieces(selection)
        check.candidates = selection.pieces(of: info.layout)
        let found = try check.run(parallelism: parallelism, progress: progress, isCancelled: isCancelled)
        // A process that was killed may have left correct pieces that are only in the page cache.
        if !(check.trusted?.isSuperset(of: found.right) ?? found.right.isEmpty) {
            try files.synchronizeFound(found.files)
        }
        try files.preallocate(isCancelled: isCancelled)
        state.withLock { $0.files = files }
        return (files, found.right)
    }

    private func recordedPieces(_ selection: FileSelection) throws(StorageError) -> PieceSet? {
        guard let small, let bytes = try small.read(WorkNames.record, limit: options.limits.recordBytes),
            let record = try? ResumeRecord.decode(bytes), record.fits(info.hashes, info.layout)
        else { return nil }
        return record.pieces(validFor: selection, info.layout)
    }

    private var small: SmallFiles? {
        state.withLock { $0.record }.map { SmallFiles(layer: layer, directory: $0.descriptor, path: recordPath) }
    }

    /// Makes durable what was written, then records it: `pieces` are all that a restart may believe.
    package func checkpoint(_ pieces: PieceSet) throws(StorageError) {
        guard let small, let files = state.withLock({ $0.files }) else { return }
        try files.synchronize()
        let record = ResumeRecord(hashes: info.hashes, pieces: pieces, selection: files.selection)
        try small.save(record.encode(), as: WorkNames.record, temporary: WorkNames.recordTemporary)
    }

    /// All wanted pieces are written: brings empty files into being too, makes all durable and records it.
    package func finish(_ pieces: PieceSet) throws(StorageError) {
        guard let files = state.withLock({ $0.files }) else { return }
        try files.finish()
        try checkpoint(pieces)
    }

    /// The owner has moved the complete content to `path`: from now on it is read there, and not written any more.
    package func relocate(to path: String) throws(StorageError) {
        guard let files = state.withLock({ $0.files }) else { return }
        let place = try ContentRoot.at(path: path, layer: layer)
        files.moved(to: place)
        state.withLock { $0.path = place.path }
        guard files.selection.isEverything else { return }
        let all = PieceSet(full: info.layout.pieceCount)
        try? options.vouching?.save(files, hashes: info.hashes, pieces: all, isDurable: true)
    }

    /// Releases the lock and everything open. Content and record stay; the owner removes them.
    package func close() {
        state.withLock { state in
            state.files?.dropCaches()
            state.files = nil
            state.record = nil
            state.lock = nil
        }
    }
}

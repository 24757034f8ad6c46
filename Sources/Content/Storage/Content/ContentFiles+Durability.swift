import Files
import Glibc
import Metainfo

/// Makes written content durable and finishes it.
extension ContentFiles {
    /// Makes everything durable that was written before the call: files, and directories with new entries. After a
    /// failure the state on disk is unknown: every later call fails too, and the content must be checked again. An
    /// exception is a lack of descriptors (`.tooManyOpenFiles`).
    /// - Throws: `.vanished` if the destination was deleted.
    package func synchronize() throws(StorageError) {
        let (files, directories, failure) = state.withLock { state in
            defer {
                state.dirtyFiles = []
                state.dirtyDirectories = []
            }
            return (state.dirtyFiles, state.dirtyDirectories, state.syncFailure)
        }
        if let failure { throw failure }
        do {
            if files.count + directories.count > limits.filesSyncedOneByOne {
                try synchronizeAll(files)
            } else {
                try synchronizeEach(files, directories)
            }
        } catch {
            state.withLock { state in
                state.dirtyFiles.formUnion(files)
                state.dirtyDirectories.formUnion(directories)
                // Without a descriptor, nothing was passed to the disk that it could have lost: a later call may
                // succeed.
                if state.syncFailure == nil, error.kind != .tooManyOpenFiles { state.syncFailure = error }
            }
            throw error
        }
    }

    private func synchronizeEach(_ files: Set<Int>, _ directories: Set<Int>) throws(StorageError) {
        for file in files.sorted() {
            let opened = try openForWriting(file)
            do {
                try layer.synchronize(opened.descriptor, dataOnly: true)
            } catch {
                throw StorageError(error, "sync", path: displayPath(file))
            }
            let status = try self.status(opened, file)
            if status.links == 0 { throw StorageError(.vanished, "write", path: displayPath(file)) }
        }
        // Children before their parent directories.
        for directory in directories.sorted(by: >) {
            let opened = try openDirectory(directory, create: false)
            do {
                try layer.synchronizeEntries(of: opened.descriptor)
            } catch {
                throw StorageError(error, "sync directory", path: directoryPath(directory, root: root))
            }
        }
        try checkDestination()
    }

    /// Makes data durable that other processes wrote. If nothing is waiting to be written, this only opens the files.
    /// Syncing the whole file system could wait long for unrelated data.
    func synchronizeUnwritten() throws(StorageError) {
        for file in selection.files where layout.files[file].length > 0 {
            let opened = try openForReading(file)
            do {
                try layer.synchronize(opened.descriptor, dataOnly: true)
            } catch {
                throw StorageError(error, "sync", path: displayPath(file))
            }
        }
    }

    /// Makes all existing files durable, and their directories, whoever wrote them.
    func synchronizeFound(_ presence: [FilePresence]) throws(StorageError) {
        let found = selection.files.filter { if case .present = presence[$0] { true } else { false } }
        var directories: Set<Int> = []
        for file in found {
            var current = Int(tree.directoryOfFile[file])
            while directories.insert(current).inserted, current != DirectoryTree.holder {
                current = tree.nodes[current].parent
            }
        }
        state.withLock { state in
            state.dirtyFiles.formUnion(found)
            state.dirtyDirectories.formUnion(directories)
        }
        try synchronize()
    }

    private func synchronizeAll(_ files: Set<Int>) throws(StorageError) {
        let holder = root.holder
        do {
            try layer.synchronizeFileSystem(holder.descriptor)
        } catch {
            throw StorageError(error, "sync", path: root.path)
        }
        for file in files {
            guard let opened = state.withLock({ $0.files.get(file) }) else { continue }
            let status = try self.status(opened, file)
            if status.links == 0 { throw StorageError(.vanished, "write", path: displayPath(file)) }
        }
        try checkDestination()
    }

    /// Whether the directory that contains the content still has a name.
    func checkDestination() throws(StorageError) {
        let root = self.root
        do throws(SystemError) {
            let status = try layer.status(root.holder.descriptor)
            if status.links == 0 { throw SystemError(ENOENT) }
        } catch {
            throw StorageError(error, "write", path: root.path)
        }
    }

    /// Reserves the space of all selected files, as `preallocation` specifies. With `.full`, a disk that is too small
    /// is detected here; the error contains the needed and free bytes.
    package func preallocate(isCancelled: () -> Bool = { false }) throws(StorageError) {
        guard preallocation == .full else { return }
        for file in selection.files where !isComplete(file) {
            if isCancelled() { throw StorageError(.cancelled, "reserve space for", path: displayPath(file)) }
            let length = layout.files[file].length
            guard length > 0 else { continue }
            let opened = try openForWriting(file)
            do {
                try layer.allocate(opened.descriptor, length: length)
            } catch  where error.number == EOPNOTSUPP || error.number == EINVAL {
                return  // This file system reserves nothing: lengths were set as holes already.
            } catch {
                let free = (try? layer.freeSpace(opened.descriptor)).map { ", \($0) are free" } ?? ""
                throw StorageError(
                    error, "reserve space for", path: displayPath(file), detail: "\(length) bytes needed\(free)")
            }
        }
    }

    private func isComplete(_ file: Int) -> Bool { state.withLock { $0.publishedFiles.contains(file) } }

    /// Creates every selected file that does not exist (including empty ones) and checks that all have their length.
    /// Call when all wanted pieces are written, before the last sync.
    func finish() throws(StorageError) {
        for file in selection.files where !isComplete(file) {
            let length = layout.files[file].length
            if let status = try status(file) {
                guard status.kind == .file else { throw StorageError(.inTheWay, "finish", path: displayPath(file)) }
                if status.size == length { continue }
            }
            let opened = try openForWriting(file)
            let status = try self.status(opened, file)
            guard status.size == length else {
                throw StorageError(
                    .changed, "finish", path: displayPath(file), detail: "\(status.size) bytes instead of \(length)")
            }
        }
    }

    /// The status of a selected file; nil if it, or one of its directories, does not exist.
    package func status(_ file: Int) throws(StorageError) -> FileStatus? {
        guard layout.files.indices.contains(file), !layout.files[file].isPadding else { return nil }
        let access = self.access
        do throws(StorageError) {
            let directory = try openDirectory(Int(tree.directoryOfFile[file]), create: false)
            do {
                return try layer.status(
                    fileName(file), in: directory.descriptor, followSymlink: access == .reading)
            } catch {
                throw StorageError(error, "look at", path: displayPath(file))
            }
        } catch  where error.kind == .vanished || error.kind == .inTheWay {
            return nil
        }
    }

    /// The file was written by other means than `write`.
    func noteWritten(_ file: Int) { state.withLock { state in _ = state.dirtyFiles.insert(file) } }

    /// Entries of the directory were changed by other means.
    func noteChanged(directory: Int) { state.withLock { state in _ = state.dirtyDirectories.insert(directory) } }

    // MARK: Changing places

    /// Files that are complete in earlier published content are read there, and never written.
    /// - Parameter stamps: of all files, taken before they were found complete.
    func readPublished(_ files: Set<Int>, at published: ContentRoot, stamps: [FileStamp?]) {
        let dropped = state.withLock { state in
            state.published = published
            state.publishedFiles = files
            for file in files { state.stamps[file] = stamps[file] }
            return state.forgetDescriptors()
        }
        _ = dropped  // closed here, outside the lock
    }

    /// - Throws: `.changed` or `.vanished` if a file that is read from published content has changed.
    func checkPublished() throws(StorageError) {
        let (files, published, stamps) = state.withLock { ($0.publishedFiles, $0.published, $0.stamps) }
        guard !files.isEmpty, let published else { return }
        let there = ContentFiles(
            layout: layout, root: published, access: .downloading, selection: selection, preallocation: .none,
            limits: limits, layer: layer)
        for file in files {
            guard let status = try there.status(file) else {
                throw StorageError(.vanished, "keep", path: there.displayPath(file))
            }
            guard stamps[file] == FileStamp(status) else {
                throw StorageError(.changed, "keep", path: there.displayPath(file))
            }
        }
    }

    /// The content is about to be moved to `newRoot`, file by file or as a whole. Reading continues meanwhile.
    func moving(to newRoot: ContentRoot) {
        state.withLock { state in
            if state.published == nil { state.published = newRoot }
        }
    }

    /// From now on the whole content is at `newRoot` and is only read.
    func moved(to newRoot: ContentRoot) {
        // The descriptors in the same step: a reader that took the new root with directories of the old place would find nothing.
        let dropped = state.withLock { state in
            state.root = newRoot
            state.access = .reading
            state.published = nil
            state.publishedFiles = []
            state.dirtyFiles = []
            state.dirtyDirectories = []
            state.stamps = [:]
            return state.forgetDescriptors()
        }
        _ = dropped  // closed here, outside the lock
    }

    /// Files that are read from published content.
    var publishedFiles: Set<Int> { state.withLock { $0.publishedFiles } }

    /// Closes every descriptor that is not in use. Later calls open again what they need.
    package func close() { dropCaches() }

    /// Number of cached descriptors, for tests and metrics.
    package var openDescriptors: Int { state.withLock { $0.files.count + $0.directories.count } }

    // MARK: Vouching

    /// The current metadata of all selected files, for a record that vouches for them. Nil for files that are not
    /// selected.
    package func stamps() throws(StorageError) -> [FileStamp?] {
        var stamps = [FileStamp?](repeating: nil, count: layout.files.count)
        for file in selection.files { stamps[file] = try status(file).map { FileStamp($0) } }
        return stamps
    }
}

import Files
import Glibc
import Metainfo

/// Publication of finished content under its name.
extension DownloadDirectory {
    /// Moves the content to DIR/NAME and removes the working directory. Afterwards the content files read it there.
    /// - Parameter pieces: all written and verified pieces, including all wanted ones.
    /// - Returns: the path of the content.
    /// - Throws: `.conflict` if something else is at DIR/NAME now and may not be replaced, or a disk error. The content
    ///   is then complete in the working directory, and a later start publishes it.
    @discardableResult
    package func publish(_ pieces: PieceSet) throws(StorageError) -> String {
        let (work, files) = state.withLock { ($0.work, $0.files) }
        guard let work, let files, pieces.isSuperset(of: files.selection.pieces(of: layout)) else {
            throw StorageError(.misuse, "publish", path: contentPath, detail: "pieces are missing")
        }
        try files.finish()
        try files.checkPublished()
        try checkpoint(pieces)
        try removeUnfinished(files, pieces: pieces, in: work)
        state.withLock { $0.hasBegunMoving = true }
        files.moving(to: publishedRoot)
        switch try publishedKind() {
        case nil:
            guard files.publishedFiles.isEmpty else {
                throw StorageError(.vanished, "add to", path: contentPath)
            }
            try moveWhole(work, .noReplace)
        case .file where info.isSingleFile:
            let target = ContentFiles(
                layout: layout, root: publishedRoot, access: .downloading, selection: files.selection,
                preallocation: .none, limits: options.limits, layer: layer)
            try Merge(from: files, to: target, overwrite: options.overwrite, reused: reused).examine()
            try moveWhole(work, .replace)
        case .file where options.overwrite:
            try mark(work, overwrite: true)
            try replaceFileByDirectory(work)
        case .file:
            throw StorageError(.conflict, "publish", path: contentPath, detail: "a file is there")
        case .directory where !info.isSingleFile:
            let target = target(files.selection)
            let merge = Merge(from: files, to: target, overwrite: options.overwrite, reused: reused)
            try merge.examine()
            try mark(work, overwrite: options.overwrite)
            try merge.run()
        case .directory?, .symlink?, .other?:
            throw StorageError(.inTheWay, "publish", path: contentPath)
        }
        try finishMove(work)
        files.moved(to: publishedRoot)
        state.withLock { state in
            state.work = nil
            state.reused = nil
        }
        vouch(files, pieces: pieces, isDurable: true)
        return contentPath
    }

    private var reused: PieceSet? { state.withLock { $0.reused } }

    private func target(_ selection: FileSelection) -> ContentFiles {
        ContentFiles(
            layout: layout, root: publishedRoot, access: .downloading, selection: selection, preallocation: .none,
            limits: options.limits, layer: layer)
    }

    /// Continues a publication into a directory after a crash. Returns whether there was one.
    func finishPublication(in work: WorkDirectory) throws(StorageError) -> Bool {
        guard let marker = try work.small.read(WorkNames.publishing, limit: 16) else { return false }
        guard let bytes = try work.small.read(WorkNames.record, limit: options.limits.recordBytes),
            let record = try? ResumeRecord.decode(bytes)
        else {
            // It is unknown what was to be published: existing data is checked as if publication had not begun.
            try work.small.remove(WorkNames.publishing)
            return false
        }
        guard record.fits(info.hashes, layout) else {
            throw StorageError(
                .conflict, "use", path: work.path, detail: "another torrent's content is being published from it")
        }
        let selection = FileSelection(flags: record.selectedFiles, layout)
        let overwrite = options.overwrite || marker.first == UInt8(ascii: "o")
        let kind: FileStatus.Kind?
        do {
            kind = try layer.status(name, in: work.content.descriptor, followSymlink: false)?.kind
        } catch {
            throw StorageError(error, "look at", path: work.path + "/content")
        }
        // Otherwise everything is in its place; a file that was exchanged may still be here.
        if kind == .directory {
            switch try publishedKind() {
            case .directory?:
                let files = ContentFiles(
                    layout: layout, root: ContentRoot(holder: work.content, name: name, path: work.path + "/content"),
                    access: .downloading, selection: selection, preallocation: .none, limits: options.limits,
                    layer: layer)
                let merge = Merge(from: files, to: target(selection), overwrite: overwrite, reused: nil)
                try merge.examine()
                try merge.run()
            case .file? where overwrite: try replaceFileByDirectory(work)
            case .file?: throw StorageError(.conflict, "publish", path: contentPath, detail: "a file is there")
            case nil: try moveWhole(work, .noReplace)
            case .symlink?, .other?: throw StorageError(.inTheWay, "publish", path: contentPath)
            }
        }
        try synchronizePlace()
        // The directory stays for later steps, without leftovers such as the old file of an exchange.
        try work.clearContent()
        try work.small.remove(WorkNames.publishing)
        return true
    }

    /// - Parameter overwrite: whether wrong files may still be replaced after a crash.
    private func mark(_ work: WorkDirectory, overwrite: Bool) throws(StorageError) {
        try work.small.save(
            [UInt8(ascii: overwrite ? "o" : "k")], as: WorkNames.publishing, temporary: WorkNames.publishingTemporary)
    }

    private func finishMove(_ work: WorkDirectory) throws(StorageError) {
        try synchronizePlace()
        try work.remove()
    }

    private func synchronizePlace() throws(StorageError) {
        do {
            try layer.synchronizeEntries(of: place.descriptor)
        } catch {
            throw StorageError(error, "sync directory", path: directoryPath)
        }
    }

    /// Moves the content with one rename.
    private func moveWhole(_ work: WorkDirectory, _ mode: RenameMode) throws(StorageError) {
        do {
            try layer.rename(name, in: work.content.descriptor, to: name, in: place.descriptor, mode)
        } catch  where mode == .noReplace && error.number == EEXIST {
            throw StorageError(.conflict, "publish", path: contentPath, detail: "it appeared meanwhile")
        } catch  where mode == .noReplace && [EINVAL, ENOSYS].contains(error.number) {
            // A file system without that flag (old network file systems).
            try moveWholeWithoutFlag(work)
        } catch {
            throw StorageError(error, "publish", path: contentPath)
        }
    }

    private func moveWholeWithoutFlag(_ work: WorkDirectory) throws(StorageError) {
        guard try publishedKind() == nil else {
            throw StorageError(.conflict, "publish", path: contentPath, detail: "it appeared meanwhile")
        }
        do {
            // A directory can replace only an empty directory.
            try layer.rename(name, in: work.content.descriptor, to: name, in: place.descriptor, .replace)
        } catch {
            throw StorageError(error, "publish", path: contentPath)
        }
    }

    private func replaceFileByDirectory(_ work: WorkDirectory) throws(StorageError) {
        do {
            try layer.rename(name, in: work.content.descriptor, to: name, in: place.descriptor, .exchange)
        } catch  where [EINVAL, ENOSYS].contains(error.number) {
            do {
                try layer.remove(name, in: place.descriptor, isDirectory: false)
            } catch {
                throw StorageError(error, "replace", path: contentPath)
            }
            try moveWhole(work, .noReplace)
        } catch {
            throw StorageError(error, "replace", path: contentPath)
        }
    }

    /// Removes incomplete files that an earlier start wanted and this one does not.
    private func removeUnfinished(
        _ files: ContentFiles, pieces: PieceSet, in work: WorkDirectory
    ) throws(StorageError) {
        guard !files.selection.isEverything else { return }
        let others = FileSelection(layout) { _ in true }
        let all = ContentFiles(
            layout: layout, root: files.root, access: .downloading, selection: others, preallocation: .none,
            limits: options.limits, layer: layer)
        for file in others.files where !files.selection.contains(file) {
            guard try all.status(file) != nil, !layout.pieces(ofFile: file).allSatisfy({ pieces.contains($0) }) else {
                continue
            }
            let directory = try all.openDirectory(Int(all.tree.directoryOfFile[file]), create: false)
            do {
                try layer.remove(all.fileName(file), in: directory.descriptor, isDirectory: false)
            } catch {
                throw StorageError(error, "remove", path: all.displayPath(file))
            }
        }
    }
}

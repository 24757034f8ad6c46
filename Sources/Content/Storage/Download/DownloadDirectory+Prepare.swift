import Files
import Glibc
import Metainfo

/// The state of a download at its start.
extension DownloadDirectory {
    /// Takes the lock, continues an interrupted publication, checks existing data, and reuses correct data.
    /// - Parameters:
    ///   - selection: the wanted files; nil for all.
    ///   - progress: of checking, from any thread; it may start again if two places are checked.
    /// - Throws: `.locked`, `.conflict`, `.inTheWay`, `.cancelled`, or a disk error. Nothing of the user's was changed.
    package func prepare(
        hashes: PieceHashes, selection: FileSelection? = nil, parallelism: Parallelism = .none,
        progress: @escaping @Sendable (CheckProgress) -> Void = { _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(StorageError) -> Preparation {
        let selection = selection ?? FileSelection(all: layout)
        func check(
            _ files: ContentFiles, trusted: PieceSet?, candidates: PieceSet?
        ) throws(StorageError) -> CheckResult {
            var check = ContentCheck(files: files, hashes: hashes)
            check.trusted = trusted
            check.candidates = candidates
            return try check.run(parallelism: parallelism, progress: progress, isCancelled: isCancelled)
        }
        let wanted = selection.pieces(of: layout)

        // Complete content needs no working directory: it may even be on a read-only disk.
        let workName = WorkNames.directory(for: info.name)
        var published: PublishedContent?
        if try !hasWorkDirectory(workName) {
            published = try examinePublished(selection, wanted: wanted, candidates: wanted, check)
            if let published, published.isComplete { return complete(published) }
        }

        let work = try WorkDirectory.open(workName, in: place, placePath: directoryPath, layer: layer)
        var isReady = false
        defer { if !isReady { work.removeIfUnused() } }
        if try finishPublication(in: work) { published = nil }

        let files = ContentFiles(
            layout: layout, root: ContentRoot(holder: work.content, name: name, path: "\(work.path)/content/\(name)"),
            access: .downloading, selection: selection, preallocation: options.preallocation, limits: options.limits,
            layer: layer)
        var have = PieceSet(size: layout.pieceCount)
        let trusted = try loadRecord(in: work, selection: selection)
        if try hasContent(in: work) {
            let found = try check(files, trusted: trusted, candidates: wanted)
            have = found.right
            // A process that was killed may have left correct pieces that are only in the page cache.
            if !(trusted?.isSuperset(of: have) ?? have.isEmpty) { try files.synchronizeFound(found.files) }
        }
        if published == nil {
            let missing = wanted.subtracting(have)
            published = try examinePublished(selection, wanted: wanted, candidates: missing, check)
            if let published, published.isComplete, have.isEmpty || missing == wanted {
                // The process crashed between the last rename and the removal of the directory.
                try work.remove()
                return complete(published)
            }
        }
        var reused: PieceSet?
        if let published {
            try published.refuseWrongContent(unless: options.overwrite, path: contentPath)
            let before = have
            try Reuse(from: published, to: files, isCancelled: isCancelled).run(having: &have)
            reused = have.subtracting(before)
        }
        state.withLock { state in
            state = State(work: work, files: files, reused: reused)
        }
        isReady = true
        if reused?.isEmpty == false { try checkpoint(have) }
        try files.preallocate(isCancelled: isCancelled)
        return .incomplete(files, have: have)
    }

    private func complete(_ published: PublishedContent) -> Preparation {
        state.withLock { $0.files = published.files }
        vouch(published.files, pieces: published.result.right, isDurable: false)
        return .complete(published.files)
    }

    /// Notes for `seed --fast` that this content is right. Without that it is only checked again, so no failure counts.
    func vouch(_ files: ContentFiles, pieces: PieceSet, isDurable: Bool) {
        try? options.vouching?.save(files, hashes: info.hashes, pieces: pieces, isDurable: isDurable)
    }

    private func hasWorkDirectory(_ name: FileName) throws(StorageError) -> Bool {
        do throws(SystemError) {
            guard let status = try layer.status(name, in: place.descriptor, followSymlink: false) else { return false }
            guard status.kind == .directory else { throw SystemError(ENOTDIR) }
            return true
        } catch {
            throw StorageError(error, "open", path: "\(directoryPath)/\(name)")
        }
    }

    private func hasContent(in work: WorkDirectory) throws(StorageError) -> Bool {
        do {
            guard let status = try layer.status(name, in: work.content.descriptor, followSymlink: false) else {
                return false
            }
            let expected: FileStatus.Kind = info.isSingleFile ? .file : .directory
            if status.kind == expected { return true }
            try TreeRemoval(layer: layer).remove(name, in: work.content.descriptor)
            return false
        } catch {
            throw StorageError(error, "look at", path: "\(work.path)/content")
        }
    }

    /// The pieces that the record vouches for as far as the selection lets it. A damaged record vouches for nothing.
    private func loadRecord(in work: WorkDirectory, selection: FileSelection) throws(StorageError) -> PieceSet? {
        guard let bytes = try work.small.read(WorkNames.record, limit: options.limits.recordBytes),
            let record = try? ResumeRecord.decode(bytes)
        else { return nil }
        guard record.fits(info.hashes, layout) else {
            guard options.overwrite else {
                throw StorageError(
                    .conflict, "use", path: work.path,
                    detail: "it holds an unfinished download of another torrent, \(record.hashes.primary.hex)")
            }
            try work.small.remove(WorkNames.record)
            try work.clearContent()
            return nil
        }
        return record.pieces(validFor: selection, layout)
    }

    // MARK: Content at DIR/NAME

    private func examinePublished(
        _ selection: FileSelection, wanted: PieceSet, candidates: PieceSet,
        _ check: (ContentFiles, PieceSet?, PieceSet?) throws(StorageError) -> CheckResult
    ) throws(StorageError) -> PublishedContent? {
        guard let kind = try publishedKind() else { return nil }
        switch (kind, info.isSingleFile) {
        case (.file, true), (.directory, false): break
        case (.file, false):
            // Whether that file may be replaced by a directory is checked again when it happens.
            if options.overwrite { return nil }
            throw StorageError(
                .conflict, "use", path: contentPath, detail: "a file is there, the torrent is a directory")
        default:
            throw StorageError(.inTheWay, "use", path: contentPath)
        }
        // As a download, so that no symlink in it is followed, although nothing is written to it.
        let files = ContentFiles(
            layout: layout, root: publishedRoot, access: .downloading, selection: selection, preallocation: .none,
            limits: options.limits, layer: layer)
        var vouched = options.vouching?.pieces(vouchedFor: files, hashes: info.hashes)
        if vouched != nil {
            // Pieces that can be hashed are hashed. The record counts only for pieces that lie partly in files not
            // selected.
            for piece in layout.pieces where selection.holdsWhole(piece, of: layout) { vouched?.remove(piece) }
        }
        let stamps = try files.stamps()
        let result = try check(files, vouched, candidates)
        return PublishedContent(files: files, result: result, wanted: wanted, stamps: stamps)
    }

    /// The kind of DIR/NAME; nil if it does not exist.
    func publishedKind() throws(StorageError) -> FileStatus.Kind? {
        do {
            return try layer.status(name, in: place.descriptor, followSymlink: false)?.kind
        } catch {
            throw StorageError(error, "look at", path: contentPath)
        }
    }
}

extension ResumeRecord {
    /// Without the pieces of which a part belongs to files selected now but not when they were written.
    func pieces(validFor selection: FileSelection, _ layout: ContentLayout) -> PieceSet {
        let added = selection.files.filter { !(selectedFiles.indices.contains($0) && selectedFiles[$0]) }
        var pieces = self.pieces
        for file in added {
            for piece in layout.pieces(ofFile: file) { pieces.remove(piece) }
        }
        return pieces
    }
}

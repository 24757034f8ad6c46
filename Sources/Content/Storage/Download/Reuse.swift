import Files
import Glibc
import Metainfo

/// The content found at DIR/NAME.
struct PublishedContent: Sendable {
    let files: ContentFiles
    let result: CheckResult
    let wanted: PieceSet
    /// What the files looked like before they were checked.
    let stamps: [FileStamp?]

    var layout: ContentLayout { files.layout }

    /// Whether all wanted pieces are correct and all files have exactly their length.
    var isComplete: Bool {
        result.right.isSuperset(of: wanted)
            && files.selection.files.allSatisfy { result.files[$0] == .present(size: layout.files[$0].length) }
    }

    /// Content is wrong if a piece whose bytes are all present has another hash, a file is too long, or something else
    /// has a file's name. Content that is only partly missing is not wrong.
    func refuseWrongContent(unless overwrite: Bool, path: String) throws(StorageError) {
        for file in files.selection.files {
            switch result.files[file] {
            case .inTheWay:
                guard overwrite else {
                    throw StorageError(.conflict, "use", path: files.displayPath(file), detail: "it is no regular file")
                }
            case .present(let size) where size > layout.files[file].length && !overwrite:
                throw StorageError(
                    .conflict, "use", path: files.displayPath(file),
                    detail: "\(size) bytes, the torrent says \(layout.files[file].length)")
            default: break
            }
        }
        guard !overwrite, let wrong = result.wrong.indices.first(where: { _ in true }) else { return }
        let file = layout.spans(of: PieceIndex(unchecked: wrong)).first { !$0.isPadding }?.file
        throw StorageError(
            .conflict, "use", path: file.map { files.displayPath($0) } ?? path,
            detail: "\(result.wrong.count) of \(layout.pieceCount) pieces differ")
    }
}

/// Reuses correct pieces of earlier published content. Files that are complete there are read there; of other files the
/// correct pieces are copied, as shared blocks if the file system can.
struct Reuse {
    private let source: PublishedContent
    private let target: ContentFiles
    private let isCancelled: () -> Bool
    private var layout: ContentLayout { target.layout }
    private var layer: any FileLayer { target.layer }

    init(from source: PublishedContent, to target: ContentFiles, isCancelled: @escaping () -> Bool) {
        self.source = source
        self.target = target
        self.isCancelled = isCancelled
    }

    /// Adds to `have` what is then in `target`.
    func run(having have: inout PieceSet) throws(StorageError) {
        let right = source.result.right
        var whole: Set<Int> = []
        for file in target.selection.files {
            let entry = layout.files[file]
            if entry.length > 0, source.result.files[file] == .present(size: entry.length),
                layout.pieces(ofFile: file).allSatisfy({ right.contains($0) })
            {
                whole.insert(file)
            }
        }
        target.readPublished(whole, at: source.files.root, stamps: source.stamps)
        var cloned: Set<Int> = []
        var tried: Set<Int> = []
        for piece in layout.pieces where right.contains(piece) && !have.contains(piece) {
            if isCancelled() { throw StorageError(.cancelled, "reuse", path: target.root.path) }
            for span in layout.spans(of: piece)
            where !span.isPadding && target.selection.contains(span.file) && !whole.contains(span.file) {
                if tried.insert(span.file).inserted, try clone(span.file) { cloned.insert(span.file) }
                if !cloned.contains(span.file) { try copy(span) }
            }
            have.insert(piece)
        }
    }

    /// Makes the target share all blocks of the file. False if that is not possible, or pieces are in the target
    /// already.
    private func clone(_ file: Int) throws(StorageError) -> Bool {
        if let status = try target.status(file), status.size > 0 { return false }
        let from = try source.files.openForReading(file)
        let to = try target.openForWriting(file)
        do {
            try layer.clone(from.descriptor, to: to.descriptor)
        } catch {
            return false
        }
        do {
            let length = layout.files[file].length
            if try layer.status(to.descriptor).size != length { try layer.truncate(to.descriptor, to: length) }
        } catch {
            throw StorageError(error, "write", path: target.displayPath(file))
        }
        target.noteWritten(file)
        return true
    }

    private func copy(_ span: FileSpan) throws(StorageError) {
        let from = try source.files.openForReading(span.file)
        let to = try target.openForWriting(span.file)
        var done = 0
        do {
            while done < span.length {
                let count = try copySome(
                    from.descriptor, to.descriptor, at: span.fileOffset + Int64(done), length: span.length - done)
                guard count > 0 else {
                    throw StorageError(.changed, "read", path: source.files.displayPath(span.file))
                }
                done += count
            }
        } catch let error as StorageError {
            throw error
        } catch let error as SystemError {
            throw StorageError(error, "write", path: target.displayPath(span.file))
        } catch {
            throw StorageError(.io(0), "write", path: target.displayPath(span.file))
        }
        target.noteWritten(span.file)
    }

    private func copySome(_ from: Descriptor, _ to: Descriptor, at offset: Int64, length: Int) throws(SystemError)
        -> Int
    {
        do {
            return try layer.copy(from, from: offset, to: to, at: offset, length: length)
        } catch  where [EXDEV, EINVAL, ENOSYS, EOPNOTSUPP, EPERM].contains(error.number) {
            // Not possible between these file systems: copy through memory.
            let chunk = try layer.read(from, count: min(length, target.limits.copyChunk), at: offset)
            try layer.write(to, chunk, at: offset)
            return chunk.count
        }
    }
}

import Files
import Glibc
import Metainfo

/// Moves finished files into an existing directory (or onto a file): first checks everything, then moves each file with
/// one rename. Running it again after a crash moves the rest.
struct Merge {
    private let source: ContentFiles
    private let target: ContentFiles
    private let overwrite: Bool
    /// Pieces that came from the target, so that they need no comparing.
    private let reused: PieceSet?
    private var layer: any FileLayer { source.layer }
    private var layout: ContentLayout { source.layout }

    init(from source: ContentFiles, to target: ContentFiles, overwrite: Bool, reused: PieceSet?) {
        self.source = source
        self.target = target
        self.overwrite = overwrite
        self.reused = reused
    }

    /// Files to move: selected, and not read from the target already.
    private var files: [Int] {
        let published = source.publishedFiles
        return source.selection.files.filter { !published.contains($0) }
    }

    /// Directories of these files, parents first.
    private var directories: [Int] {
        var needed: Set<Int> = []
        for file in files {
            var current = Int(target.tree.directoryOfFile[file])
            while current != DirectoryTree.holder, needed.insert(current).inserted {
                current = target.tree.nodes[current].parent
            }
        }
        return needed.sorted()
    }

    // MARK: Before

    /// - Throws: if something is in the way that must not be replaced. Nothing was changed then.
    func examine() throws(StorageError) {
        for directory in directories where directory != 1 {
            switch try kind(ofDirectory: directory) {
            case nil, .directory?: break
            case .file? where overwrite: break
            case .file?: throw conflict(target.directoryPath(directory, root: target.root), "a file is there")
            case .symlink?, .other?:
                throw StorageError(.inTheWay, "publish", path: target.directoryPath(directory, root: target.root))
            }
        }
        for file in files {
            guard try source.status(file) != nil else { continue }
            guard let there = try linkStatus(file) else { continue }
            let path = target.displayPath(file)
            switch there.kind {
            case .directory, .other: throw StorageError(.inTheWay, "publish", path: path)
            case .symlink:
                if !overwrite { throw StorageError(.inTheWay, "publish", path: path) }
            case .file:
                if overwrite { break }
                if there.size > layout.files[file].length {
                    throw conflict(path, "\(there.size) bytes, the torrent says \(layout.files[file].length)")
                }
                if try !agrees(file, size: there.size) { throw conflict(path, "its content is another") }
            }
        }
    }

    private func conflict(_ path: String, _ detail: String) -> StorageError {
        StorageError(.conflict, "publish", path: path, detail: detail)
    }

    /// The kind of entry at a directory's path; nil for none.
    private func kind(ofDirectory directory: Int) throws(StorageError) -> FileStatus.Kind? {
        let node = target.tree.nodes[directory]
        do throws(StorageError) {
            let parent = try target.openDirectory(node.parent, create: false)
            do {
                return try layer.status(node.name, in: parent.descriptor, followSymlink: false)?.kind
            } catch {
                throw StorageError(error, "look at", path: target.directoryPath(directory, root: target.root))
            }
        } catch  where error.kind == .vanished || error.kind == .inTheWay {
            return nil
        }
    }

    private func linkStatus(_ file: Int) throws(StorageError) -> FileStatus? { try target.status(file) }

    /// Whether every byte of the target's file equals the new file. Holes in it contain no data of the user's.
    private func agrees(_ file: Int, size: Int64) throws(StorageError) -> Bool {
        let extents = ExtentMap(target)
        for piece in layout.pieces(ofFile: file) where !(reused?.contains(piece) ?? false) {
            for span in layout.spans(of: PieceIndex(unchecked: piece)) where span.file == file {
                let end = min(size, span.fileOffset + Int64(span.length))
                guard span.fileOffset < end else { return true }
                if try extents.isHole(file, span.fileOffset..<end) { continue }
                if try !agrees(file, span.fileOffset..<end) { return false }
            }
        }
        return true
    }

    private func agrees(_ file: Int, _ range: Range<Int64>) throws(StorageError) -> Bool {
        let new = try source.openForReading(file)
        let old = try target.openForReading(file)
        var position = range.lowerBound
        while position < range.upperBound {
            let length = Int(min(Int64(source.limits.copyChunk), range.upperBound - position))
            let ours = try read(new, file, length, position)
            let theirs = try read(old, file, length, position)
            guard ours.count == length, theirs.count == length else { return false }
            if ours != theirs, !onlyHolesDiffer(old, ours, theirs, position) { return false }
            position += Int64(length)
        }
        return true
    }

    /// Where the buffers differ, the old file must have a hole.
    private func onlyHolesDiffer(_ old: ContentFile, _ ours: [UInt8], _ theirs: [UInt8], _ position: Int64) -> Bool {
        for index in ours.indices where ours[index] != theirs[index] {
            let at = position + Int64(index)
            do throws(SystemError) {
                if let data = try layer.nextData(old.descriptor, from: at), data == at { return false }
            } catch {
                return false
            }
        }
        return true
    }

    private func read(
        _ opened: ContentFile, _ file: Int, _ count: Int, _ offset: Int64
    ) throws(StorageError) -> [UInt8] {
        do {
            return try layer.read(opened.descriptor, count: count, at: offset)
        } catch {
            throw StorageError(error, "compare", path: target.displayPath(file))
        }
    }

    // MARK: Moving

    /// Moves the files that are still in the source, and makes the new entries durable.
    func run() throws(StorageError) {
        for directory in directories where directory != 1 {
            guard try kind(ofDirectory: directory) == .file else { continue }
            // Only with `overwrite`: a directory of the torrent replaces a file.
            let node = target.tree.nodes[directory]
            let parent = try target.openDirectory(node.parent, create: true)
            do {
                try layer.remove(node.name, in: parent.descriptor, isDirectory: false)
            } catch {
                throw StorageError(error, "replace", path: target.directoryPath(directory, root: target.root))
            }
        }
        // Directories are made durable before a file is moved into them, so that no file can be in a directory that is
        // lost.
        for directory in directories {
            _ = try target.openDirectory(directory, create: true)
            target.noteChanged(directory: target.tree.nodes[directory].parent)
        }
        try target.synchronize()
        for file in files {
            guard try source.status(file) != nil else { continue }
            let directory = Int(target.tree.directoryOfFile[file])
            let from = try source.openDirectory(directory, create: false)
            let to = try target.openDirectory(directory, create: true)
            let isNew = try linkStatus(file) == nil
            do {
                try move(source.fileName(file), from, to, isNew ? .noReplace : .replace)
            } catch  where error.number == EEXIST {
                throw conflict(target.displayPath(file), "it appeared meanwhile")
            } catch {
                throw StorageError(error, "publish", path: target.displayPath(file))
            }
            target.noteChanged(directory: directory)
        }
        try target.synchronize()
    }

    private func move(
        _ name: FileName, _ from: HeldFile, _ to: HeldFile, _ mode: RenameMode
    ) throws(SystemError) {
        do {
            try layer.rename(name, in: from.descriptor, to: name, in: to.descriptor, mode)
        } catch  where mode == .noReplace && [EINVAL, ENOSYS].contains(error.number) {
            try layer.rename(name, in: from.descriptor, to: name, in: to.descriptor, .replace)
        }
    }
}

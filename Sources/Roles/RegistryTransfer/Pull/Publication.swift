import Files
import Glibc
import Metainfo
import Registry
import Storage

/// Moves a complete tree to its destination, and recovers publications that a crash interrupted.
///
/// The new tree is in the working directory's `content`. If the destination is empty, the tree is moved there by one rename;
/// a file also replaces a file by one rename. Otherwise the two trees are exchanged in one step, and the old tree is then in
/// the working directory as `old`. Files in it that no pull wrote, and whose paths the new tree does not have, are the
/// user's: they are moved into the new tree. Where the new tree has no place for one, as it has a directory at the file's
/// path or a file at the path of a directory above it, the file is moved to a directory beside the new tree, called as that
/// with `.kept` behind it. All other files of the old tree are removed.
struct Publication {
    private static let old = FileName(own: "old")
    /// The most directories for files that have no place in the new tree.
    private static let mostKept = 100

    let work: WorkDirectory
    let destination: PulledTree
    /// Whether a file was written by a pull and not changed since.
    let isOurs: (FileStatus) -> Bool
    /// Whether the new tree has a file at a path.
    let isInTree: (SafePath) -> Bool
    private var layer: SystemFileLayer { SystemFileLayer() }
    private var place: Files.Descriptor { destination.holder.descriptor }
    private var name: FileName { destination.name }

    /// Completes or undoes a publication that a crash interrupted.
    /// - Returns: whether there was one with an old tree.
    func recover() throws(PullError) -> Bool {
        let marker = try inStorage { () throws(StorageError) in
            try work.small.read(WorkNames.publishing, limit: 64)
        }
        if let marker {
            let words = String(decoding: marker, as: UTF8.self).split(separator: " ").map(String.init)
            let there = try status(name, in: place)
            if let there, words == ["\(there.device)", "\(there.inode)"] {
                // The exchange was made before the crash.
                try keepOld()
            }
            try inStorage { () throws(StorageError) in try work.small.remove(WorkNames.publishing) }
        }
        guard try status(Self.old, in: work.directory.descriptor) != nil else { return false }
        if try status(name, in: place) == nil {
            // The crash came between the two renames: the old content was moved away, and the new one was not moved in.
            try onDisk("bring back", destination.display) { () throws(Files.SystemError) in
                try layer.rename(Self.old, in: work.directory.descriptor, to: name, in: place, .noReplace)
            }
            return true
        }
        try clearOld()
        return true
    }

    /// - Parameters:
    ///   - isSingleFile: whether the new content is a single file.
    ///   - mayReplace: whether the destination had content before, which may be replaced.
    func run(isSingleFile: Bool, mayReplace: Bool) throws(PullError) {
        let there = try status(name, in: place)
        switch there?.kind {
        case nil: try move(.noReplace)
        case _ where !mayReplace: throw .conflict(path: destination.display, detail: "it appeared meanwhile")
        case .file? where isSingleFile: try move(.replace)
        case .symlink?, .other?: throw .inTheWay(path: destination.display)
        case .file?, .directory?: try exchange()
        }
        try onDisk("sync", destination.display) { () throws(Files.SystemError) in try destination.holder.synchronize() }
        try clearOld()
    }

    private func status(_ name: FileName, in directory: Files.Descriptor) throws(PullError) -> FileStatus? {
        try onDisk("look at", destination.display) { () throws(Files.SystemError) in
            try layer.status(name, in: directory, followSymlink: false)
        }
    }

    private func move(_ mode: RenameMode) throws(PullError) {
        do throws(Files.SystemError) {
            do throws(Files.SystemError) {
                try layer.rename(name, in: work.content.descriptor, to: name, in: place, mode)
            } catch  where mode == .noReplace && [EINVAL, ENOSYS].contains(error.number) {
                // The file system does not support `RENAME_NOREPLACE` (old network file systems).
                guard try layer.status(name, in: place, followSymlink: false) == nil else {
                    throw Files.SystemError(EEXIST)
                }
                try layer.rename(name, in: work.content.descriptor, to: name, in: place, .replace)
            }
        } catch  where error.number == EEXIST {
            throw .conflict(path: destination.display, detail: "it appeared meanwhile")
        } catch {
            throw .disk(StorageError(error, "publish", path: destination.display))
        }
    }

    private func exchange() throws(PullError) {
        guard let new = try status(name, in: work.content.descriptor) else {
            throw .disk(StorageError(.vanished, "publish", path: destination.display))
        }
        try inStorage { () throws(StorageError) in
            try work.small.save(
                Array("\(new.device) \(new.inode)".utf8), as: WorkNames.publishing,
                temporary: WorkNames.publishingTemporary)
        }
        do throws(Files.SystemError) {
            do throws(Files.SystemError) {
                try layer.rename(name, in: work.content.descriptor, to: name, in: place, .exchange)
                try layer.rename(
                    name, in: work.content.descriptor, to: Self.old, in: work.directory.descriptor, .replace)
            } catch  where [EINVAL, ENOSYS].contains(error.number) {
                // The file system does not support `RENAME_EXCHANGE`: for a moment nothing is at the destination.
                try layer.rename(name, in: place, to: Self.old, in: work.directory.descriptor, .replace)
                try layer.rename(name, in: work.content.descriptor, to: name, in: place, .replace)
            }
        } catch {
            throw .disk(StorageError(error, "replace", path: destination.display))
        }
    }

    private func keepOld() throws(PullError) {
        guard try status(name, in: work.content.descriptor) != nil else { return }
        try onDisk("replace", destination.display) { () throws(Files.SystemError) in
            try layer.rename(name, in: work.content.descriptor, to: Self.old, in: work.directory.descriptor, .replace)
        }
    }

    /// Moves a file of the user's into the new tree, or beside it where the new tree has no place for it.
    private func keep(_ path: SafePath, of old: PulledTree) throws(Files.SystemError) {
        var tree = destination
        for number in 1...Self.mostKept {
            do throws(Files.SystemError) {
                try move(path, of: old, to: tree)
                return try destination.holder.synchronize()
            } catch  where [EEXIST, ENOTDIR, ELOOP].contains(error.number) && number < Self.mostKept {
                // An earlier pull may have left another file of that path there.
                let suffix = number == 1 ? ".kept" : ".kept\(number)"
                tree = PulledTree(
                    holder: destination.holder, name: FileName(checked: (name.bytes + Array(suffix.utf8))[...]),
                    display: destination.display + suffix)
            }
        }
    }

    private func move(_ path: SafePath, of old: PulledTree, to tree: PulledTree) throws(Files.SystemError) {
        let from = try old.place(of: path)
        let to = try tree.place(of: path, creating: true)
        try layer.rename(
            from.name, in: from.directory.descriptor, to: to.name, in: to.directory.descriptor, .noReplace)
        try to.directory.synchronize()
    }

    /// Moves the user's files out of the old tree, and removes it.
    private func clearOld() throws(PullError) {
        guard let status = try status(Self.old, in: work.directory.descriptor) else { return }
        if status.kind == .directory {
            let holder = try onDisk("open", work.path) { () throws(Files.SystemError) in
                try HeldDirectory.reopen(work.directory.descriptor)
            }
            let old = PulledTree(holder: holder, name: Self.old, display: work.path + "/old")
            let entries = try onDisk("list", old.display) { () throws(Files.SystemError) in
                try old.entries(limit: 4_000_000)
            }
            for (path, status) in entries where !isInTree(path) && !(status.kind == .file && isOurs(status)) {
                try onDisk("keep", destination.display(path)) { () throws(Files.SystemError) in
                    try keep(path, of: old)
                }
            }
        }
        try onDisk("remove", work.path + "/old") { () throws(Files.SystemError) in
            try TreeRemoval().remove(Self.old, in: work.directory.descriptor)
        }
        try inStorage { () throws(StorageError) in try work.small.remove(WorkNames.publishing) }
    }
}
